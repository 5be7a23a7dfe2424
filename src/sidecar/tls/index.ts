export { tlsProtocol } from './tls-protocol.ts';
