import type { ClassIndex, Policy } from '../../../core/index.ts';
import { createCarried, createPropagation } from '../../../propagation/index.ts';
import type { Trace } from './message-format.ts';

/** Tells the class that a trace carries. Everybody on a queue stands inside the mesh and is believed. */
export type ClassOfTrace = (trace: Trace) => ClassIndex;

/** Makes the reader for a policy; without a class in the trace it is the default. */
export function classOfTrace(policy: Policy): ClassOfTrace {
  // One of its own, so that what is read here a second time is not counted twice.
  const propagation = createPropagation(policy);
  const carried = createCarried();
  const fallback = policy.classes.findIndex(({ name }) => name === policy.ingress.defaultClass);
  return (trace) => {
    propagation.extract({ ...trace }, true, carried);
    return carried.classIndex >= 0 ? carried.classIndex : Math.max(0, fallback);
  };
}
