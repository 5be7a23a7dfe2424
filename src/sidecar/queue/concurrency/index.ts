export * from './adaptive-limit.ts';
