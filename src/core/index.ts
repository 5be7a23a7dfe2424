export * from './clock.ts';
export * from './errors.ts';
export * from './exec.ts';
export * from './exit-codes.ts';
export * from './layer.ts';
export * from './log.ts';
export * from './policy.ts';
export * from './random.ts';
