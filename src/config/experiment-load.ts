import { formatPlace } from '../core/index.ts';
import type { Report } from './document.ts';
import type { Experiment } from './experiment-schema.ts';
import { checkQueue } from './policy-checks.ts';
import type { Path } from './source.ts';

/** Checks what arms say of the request queue. */
export function checkQueueOfArms(experiment: Experiment, report: Report): void {
  for (const [name, { queue, layers }] of Object.entries(experiment.arms)) {
    if (queue === undefined) continue;
    const path: Path = ['arms', name, 'queue'];
    checkQueue(queue, path, report);
    if (layers.includes('queue')) continue;
    report.conflict(
      path,
      `arm ${name} says how the layer queue works, which is off in it`,
      'Add the layer queue, or take the key out.',
    );
  }
}

/** Checks that the steps of each workload lie in the measurement, one after the other, and that what speaks of a step has one. */
export function checkLoad(experiment: Experiment, report: Report): void {
  const shortest = Math.min(...(['quick', 'full'] as const).map((form) => experiment.forms[form].measureMs));
  for (const [index, { name, steps }] of experiment.workloads.entries()) {
    for (const [at, { atMs }] of steps.entries()) {
      const path: Path = ['workloads', index, 'steps', at, 'atMs'];
      const before = steps[at - 1];
      if (before !== undefined && before.atMs >= atMs) {
        const place = formatPlace(report.source.placeOf(['workloads', index, 'steps', at - 1, 'atMs']));
        report.conflict(
          path,
          `a step of ${name} at ${atMs} ms stands behind one at ${before.atMs} ms (${place})`,
          'Put the steps in the order of time.',
        );
      }
      if (atMs < shortest) continue;
      report.conflict(
        path,
        `a step of ${name} at ${atMs} ms comes when a measurement of ${shortest} ms is over (${formatPlace(report.source.placeOf(['forms']))})`,
        'Step earlier, or measure longer.',
      );
    }
  }
  const steps = experiment.workloads.flatMap((workload) => workload.steps);
  const moments = new Set(steps.map(({ atMs }) => atMs));
  for (const [index, { metric }] of experiment.comparisons.entries()) {
    if (!metric.startsWith('step.') || moments.size >= 2) continue;
    report.conflict(
      ['comparisons', index, 'metric'],
      `${metric} is of a step of the load, up and down again, and no workload has one`,
      'Give a workload two steps, or compare another figure.',
    );
  }
}
