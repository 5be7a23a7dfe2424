import type { Layer, LayerPlan, Limitation, PlanStep, Platform, Policy, Site } from '../core/index.ts';
import { chooseCongestionControl } from './congestion-control.ts';
import { whyNoSocketOptions } from './platform.ts';

function plan(policy: Policy, platform: Platform, site: Site): LayerPlan {
  const baseline =
    site.baselineCongestionControl === '' ? "the kernel's default" : site.baselineCongestionControl;
  if (!platform.socketOptions) {
    return {
      layer: 'transport',
      summary: 'not served: socket options cannot be set here',
      steps: [],
      limitations: [
        {
          what: 'congestion control and scavenger of every class',
          why: `transport and mark columns can't be served: ${whyNoSocketOptions() ?? 'socket options cannot be set'}`,
          instead: "every connection uses the kernel's default congestion control and no mark",
        },
      ],
      served: false,
    };
  }
  const steps: PlanStep[] = [];
  const limitations: Limitation[] = [];
  const words: string[] = [];
  let served = false;
  for (const row of policy.classes) {
    const { congestionControl, scavenger } = row.transport;
    const { chosen, refused } = chooseCongestionControl(congestionControl, platform.congestionControls);
    for (const { name, why } of refused) {
      limitations.push({
        what: `class ${row.name}: congestion control ${name}`,
        why,
        instead: chosen ?? baseline,
      });
    }
    served ||= chosen !== undefined;
    let word = `${row.name} ${chosen ?? baseline}`;
    steps.push({
      what: `class ${row.name}: every connection uses ${chosen ?? baseline} from the SYN on (TCP_CONGESTION); see it with \`ss -ti\``,
      where: 'sidecar',
    });
    if (scavenger !== undefined && platform.pacing) {
      served = true;
      word += ` as scavenger with ${scavenger.targetDelayMs} ms`;
      steps.push({
        what: `class ${row.name}: paced so that it adds at most about ${scavenger.targetDelayMs} ms of queueing delay and never less than ${scavenger.minRateBps} bit/s to a peer (SO_MAX_PACING_RATE, TCP_INFO); see it with \`ss -ti\` (pacing_rate)`,
        where: 'sidecar',
      });
    } else if (scavenger !== undefined) {
      limitations.push({
        what: `class ${row.name}: scavenger`,
        why: 'SO_MAX_PACING_RATE has no effect on TCP before Linux 4.13',
        instead: `${chosen ?? baseline} without pacing`,
      });
    }
    words.push(word);
  }
  return { layer: 'transport', summary: words.join(', '), steps, limitations, served };
}

/** The column `transport`: congestion control per class, and the scavenger. The sidecars serve it, nothing is to be done at a node. */
export const transportLayer: Layer = {
  name: 'transport',
  plan,
  apply: async () => async () => {},
};
