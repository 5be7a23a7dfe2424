import type { DecisionOwner, NetworkDecision, Policy } from '../../core/index.ts';

/** The classes for which somebody takes a decision, by index. */
export function classesOf(
  { network, classes }: Policy,
  decision: NetworkDecision,
  by: DecisionOwner,
): number[] {
  const names = network.reactions
    .filter(({ decide, owner }) => decide === decision && owner === by)
    .flatMap((reaction) => reaction.classes);
  return classes.flatMap(({ name }, index) => (names.includes(name) ? [index] : []));
}

/** The classes that the sidecars move: they decide their path, and there is a mark by which another one is taken. */
export function movableClasses(policy: Policy): number[] {
  return classesOf(policy, 'path', 'sidecar').filter(
    (index) => (policy.classes[index]?.network.alternateDscp.length ?? 0) > 0,
  );
}
