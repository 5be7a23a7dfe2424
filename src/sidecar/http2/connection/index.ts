export * from './body-queue.ts';
export * from './http2-connection.ts';
export * from './stream.ts';
