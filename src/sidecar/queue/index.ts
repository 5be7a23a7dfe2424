export * from './admission.ts';
export * from './overload.ts';
export * from './queue-entry.ts';
export * from './request-queue.ts';
export * from './settings.ts';
export * from './waiting-list.ts';
