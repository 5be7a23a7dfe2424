export { ControlClient } from './client.ts';
export type { ControlEvents } from './events.ts';
export type { RegistryEndpoint } from './registry-view.ts';
export { type ControlStream, type ControlStreamOptions, openControlStream } from './stream.ts';
