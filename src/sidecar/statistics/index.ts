export * from './counters.ts';
export * from './reporter.ts';
