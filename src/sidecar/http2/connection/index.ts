export * from './body-queue.ts';
export * from './http2-connection.ts';
export type { ConnectionContext } from './http2-sender.ts';
export * from './stream.ts';
