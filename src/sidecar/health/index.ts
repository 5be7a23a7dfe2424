export * from './active-checks.ts';
export * from './check.ts';
export * from './grpc-check.ts';
export * from './outliers.ts';
