export * from './port-routes.ts';
export { TcpExchange } from './tcp-exchange.ts';
export * from './tcp-protocol.ts';
