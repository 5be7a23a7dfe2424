export { type Published, type PublishOptions, publishResults } from './publish.ts';
