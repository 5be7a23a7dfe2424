import type { ClassIndex, Policy } from '../../../core/index.ts';
import { CARRIER, Carried, CarrierHeaders, createPropagation } from '../../../propagation/index.ts';
import { TRACE_FIELDS, type Trace } from './message-format.ts';

/** Tells the class that a trace carries. Everybody on a queue stands inside the mesh and is believed. */
export type ClassOfTrace = (trace: Trace) => ClassIndex;

/** Makes the reader for a policy; without a class in the trace it is the default. */
export function classOfTrace(policy: Policy): ClassOfTrace {
  // One of its own, so that what is read here a second time is not counted twice.
  const propagation = createPropagation(policy);
  const headers = new CarrierHeaders();
  const carried = new Carried();
  const fallback = policy.classes.findIndex(({ name }) => name === policy.ingress.defaultClass);
  return (trace) => {
    headers.clear();
    for (const name of TRACE_FIELDS) headers.setText(CARRIER[name], trace[name]);
    propagation.extract(headers, true, carried);
    return carried.classIndex >= 0 ? carried.classIndex : Math.max(0, fallback);
  };
}
