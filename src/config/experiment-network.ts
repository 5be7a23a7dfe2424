import { formatPlace } from '../core/index.ts';
import type { Report } from './document.ts';
import type { Experiment } from './experiment-schema.ts';
import { suggest } from './explain.ts';
import type { Path } from './source.ts';

/** Its sender is started when the generator has begun: so long it must be able to take. */
const LEAST_LEAD_MS = 1000;

/** Checks what arms say of the network: who tells them, who reacts, which flows of others disturb them, and replicas. */
export function checkNetworkOfArms(experiment: Experiment, report: Report): void {
  const flows = experiment.crossTraffic.map(({ name }) => name);
  const replicated = Object.entries(experiment.topology.placement).find(
    ([, placed]) => typeof placed !== 'string' && placed.length > 1,
  );
  for (const [name, arm] of Object.entries(experiment.arms)) {
    const path: Path = ['arms', name];
    const needsController: (readonly [boolean, Path, string])[] = [
      [arm.layers.includes('network'), ['layers', arm.layers.indexOf('network')], 'has the layer network'],
      [arm.network !== undefined, ['network'], 'says what the network does'],
    ];
    for (const [named, where, what] of needsController) {
      if (!named || experiment.controller !== undefined) continue;
      report.conflict(
        [...path, ...where],
        `arm ${name} ${what}, and the experiment has no controller`,
        'Add the section controller.',
      );
    }
    if (arm.network?.reactions !== undefined && !arm.layers.includes('network')) {
      report.conflict(
        [...path, 'network', 'reactions'],
        `arm ${name} says who reacts to congestion, but the layer network is off in it`,
        'Add the layer network, or take the key out.',
      );
    }
    for (const [index, flow] of (arm.crossTraffic ?? []).entries()) {
      if (flows.includes(flow)) continue;
      const where = [...path, 'crossTraffic', index];
      report.invalid(where, `there is no flow ${flow}`, suggest(flow, flows, 'flow'));
    }
    if (!arm.sidecars && replicated !== undefined) {
      const place = formatPlace(report.source.placeOf(['topology', 'placement', replicated[0]]));
      report.conflict(
        path,
        `arm ${name} has no sidecars, which choose among the replicas of ${replicated[0]} (${place})`,
        'Give the service one node, or leave the arm out.',
      );
    }
  }
}

/** Checks that each flow of cross traffic lies within the measurement, and that what speaks of the episode has one. */
export function checkEpisode(experiment: Experiment, report: Report): void {
  for (const [index, flow] of experiment.crossTraffic.entries()) {
    const path: Path = ['crossTraffic', index];
    if (flow.from === flow.to) {
      report.conflict([...path, 'to'], `flow ${flow.name} goes from a host to itself`, 'Name two hosts.');
    }
    for (const form of ['quick', 'full'] as const) {
      const { warmupMs, measureMs } = experiment.forms[form];
      const place = formatPlace(report.source.placeOf(['forms', form]));
      if (flow.startMs >= measureMs) {
        report.conflict(
          [...path, 'startMs'],
          `flow ${flow.name} begins when the measurement is over (${place})`,
          'Begin earlier, or measure longer.',
        );
      } else if (warmupMs + flow.startMs < LEAST_LEAD_MS) {
        report.conflict(
          [...path, 'startMs'],
          `flow ${flow.name} begins less than ${LEAST_LEAD_MS} ms after the warm-up does (${place})`,
          'Begin later, or warm up for longer.',
        );
      }
    }
  }
  for (const [index, { metric }] of experiment.comparisons.entries()) {
    if (!metric.startsWith('episode.') || experiment.crossTraffic.length > 0) continue;
    report.conflict(
      ['comparisons', index, 'metric'],
      `${metric} speaks of the episode, which cross traffic makes, and there is none`,
      'Add the section crossTraffic, or name another metric.',
    );
  }
}
