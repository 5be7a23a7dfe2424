export * from './connection-pool.ts';
export * from './endpoint.ts';
export * from './selection.ts';
export * from './upstream.ts';
export * from './upstream-connection.ts';
