export { AmqpProxy } from './amqp-proxy.ts';
export type { AmqpProxyOptions, AmqpProxySettings } from './context.ts';
