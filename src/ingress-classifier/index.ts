export { compileClassifier } from './classifier.ts';
export * from './limits.ts';
export { compileNetworks } from './networks.ts';
export type { Classifier, RequestFacts } from './types.ts';
