import type { Layer } from '../core/index.ts';
import { kernelLayer, markLayer } from '../kernel-qos/index.ts';
import { brokerLayer, networkLayer, queueLayer } from '../sidecar/index.ts';
import { transportLayer } from '../transport/index.ts';

/** Every layer that an arm can switch on, in the order in which they are applied. */
export const LAYERS: readonly Layer[] = [
  queueLayer,
  brokerLayer,
  transportLayer,
  markLayer,
  kernelLayer,
  networkLayer,
];
