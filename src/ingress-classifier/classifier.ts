import { type Policy, PriomeshError } from '../core/index.ts';
import type { Classifier } from './types.ts';

/**
 * Compiles the rules of a policy.
 *
 * @throws PriomeshError CONFIG_INVALID, with the rule's place, for a condition that makes no sense
 */
export function compileClassifier(policy: Policy): Classifier {
  throw new PriomeshError('INTERNAL', `the classifier of ${policy.name} is not compiled yet`);
}
