export { compileClassifier } from './classifier.ts';
export * from './limits.ts';
export { compileNetworks, type NetworkSet } from './networks.ts';
export type { Classification, Classifier, ClassifierCounters, RequestFacts } from './types.ts';
