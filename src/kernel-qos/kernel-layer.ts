import { type Layer, type LayerPlan, PriomeshError, type Undo } from '../core/index.ts';
import { type AppliedPort, applyPort } from './apply.ts';
import { planPort } from './plan.ts';
import type { PortPlan } from './port-plan.ts';

/** The kernel layer's plan: beside the steps, the plan of each port as data, which its application is verified against. */
export interface KernelLayerPlan extends LayerPlan {
  readonly ports: readonly PortPlan[];
}

/** Whether a layer's plan is the kernel layer's. */
export function isKernelLayerPlan(plan: LayerPlan): plan is KernelLayerPlan {
  return plan.layer === 'kernel' && 'ports' in plan && Array.isArray(plan.ports);
}

/** Undoes in reverse order; one that fails does not keep the others from being tried. */
export async function undoAll(undos: readonly Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const undo of undos.toReversed()) {
    try {
      await undo();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several undos failed');
}

/** The `kernel` column: a queue for each class at each bottleneck port. */
export const kernelLayer = {
  name: 'kernel',

  plan(policy, platform, site): KernelLayerPlan {
    const ports = site.ports.map((port) => planPort(policy, platform, port, { leaves: 'fifo' }));
    const served = ports.length > 0 && ports.every((port) => port.served);
    const none = {
      what: 'classes at a bottleneck',
      why: 'this laboratory has no port that could be one',
      instead: 'packets of all classes are treated alike',
    };
    return {
      layer: 'kernel',
      summary: ports.length === 0 ? 'nothing: no port' : ports.map((port) => port.summary).join('; '),
      steps: ports.flatMap((port) => port.steps),
      limitations: ports.length === 0 ? [none] : ports.flatMap((port) => port.limitations),
      served,
      ports,
    };
  },

  async apply(plan, context): Promise<Undo> {
    if (!isKernelLayerPlan(plan))
      throw new PriomeshError('INTERNAL', 'this is not a plan of the kernel layer');
    const applied: AppliedPort[] = [];
    const undo = (): Promise<void> => undoAll(applied.map((port) => port.undo));
    try {
      for (const port of plan.ports.filter((each) => each.served)) {
        const exec = context.execOn(port.port.node);
        const standing = await applyPort(exec, port, { signal: context.signal });
        applied.push(standing);
        await standing.verify();
      }
    } catch (error) {
      await undo();
      throw error;
    }
    return undo;
  },
} satisfies Layer;
