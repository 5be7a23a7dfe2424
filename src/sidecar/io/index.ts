export * from './accept.ts';
export * from './byte-stream.ts';
export * from './input-buffer.ts';
export * from './timer-wheel.ts';
export * from './wire.ts';
