import { dirname, resolve } from 'node:path';
import { formatPlace, type Policy, type Reaction } from '../core/index.ts';
import { type DocumentKind, parseDocument, type Report } from './document.ts';
import { checkLoad, checkQueueOfArms } from './experiment-load.ts';
import { checkEpisode, checkNetworkOfArms } from './experiment-network.ts';
import { BROKER, type Experiment, experimentSchema, GENERATOR } from './experiment-schema.ts';
import { suggest } from './explain.ts';
import { errorOf, type Finding } from './findings.ts';
import { findRoute, loadApplicationGraph } from './graph.ts';
import type { ApplicationGraph } from './graph-schema.ts';
import { checkReactions, resolveReactions } from './network-checks.ts';
import { loadPolicy } from './policy.ts';
import { readConfigFile } from './read-file.ts';
import { type Path, readSource, type Source } from './source.ts';

/** Layers that only a sidecar can serve. */
const BY_SIDECAR: ReadonlySet<string> = new Set(['queue', 'broker', 'transport', 'mark', 'network']);

/** The hosts that something is placed on, one for each replica; empty where it is placed nowhere. */
export function nodesOf(experiment: Experiment, name: string): readonly string[] {
  const placed = experiment.topology.placement[name];
  if (placed === undefined) return [];
  return typeof placed === 'string' ? [placed] : placed;
}

function checkKnown(
  name: string,
  known: readonly string[],
  kind: string,
  path: Path,
  report: Pick<Report, 'invalid'>,
): void {
  if (!known.includes(name)) report.invalid(path, `there is no ${kind} ${name}`, suggest(name, known, kind));
}

function checkDuplicates(
  names: readonly string[],
  kind: string,
  path: (index: number) => Path,
  report: Report,
) {
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first === index) continue;
    const other = formatPlace(report.source.placeOf(path(first)));
    report.conflict(path(index), `${kind} ${name} stands twice (${other})`, 'Keep one of the two.');
  }
}

function checkArms(experiment: Experiment, report: Report): void {
  const workloads = experiment.workloads.map(({ name }) => name);
  if (Object.keys(experiment.arms).length === 0) {
    report.invalid(['arms'], 'the experiment has no arm', 'Add one.');
  }
  for (const [name, arm] of Object.entries(experiment.arms)) {
    const path: Path = ['arms', name];
    checkDuplicates(arm.layers, 'layer', (index) => [...path, 'layers', index], report);
    for (const [index, layer] of arm.layers.entries()) {
      if (arm.sidecars || !BY_SIDECAR.has(layer)) continue;
      report.conflict(
        [...path, 'layers', index],
        `layer ${layer} is served by sidecars, but arm ${name} has none (${formatPlace(report.source.placeOf([...path, 'sidecars']))})`,
        'Set sidecars: true, or leave the layer out.',
      );
    }
    if (arm.layers.includes('kernel') && !arm.layers.includes('mark')) {
      report.conflict(
        [...path, 'layers', arm.layers.indexOf('kernel')],
        `arm ${name} sorts packets by their mark in the kernel, but nothing marks them`,
        'Add the layer mark.',
      );
    }
    for (const key of [['layers', arm.layers.indexOf('broker')], ['broker']] as const) {
      const named = key[0] === 'broker' ? arm.broker !== undefined : arm.layers.includes('broker');
      if (!named || experiment.broker !== undefined) continue;
      report.conflict(
        [...path, ...key],
        `arm ${name} needs a message broker, and the experiment has none`,
        'Add the section broker, and place it.',
      );
    }
    if (arm.broker !== undefined && !arm.layers.includes('broker')) {
      report.conflict(
        [...path, 'broker'],
        `arm ${name} sets the prefetch of the layer broker, which is off in it`,
        'Add the layer broker, or take the key out.',
      );
    }
    for (const [index, workload] of (arm.workloads ?? []).entries()) {
      checkKnown(workload, workloads, 'workload', [...path, 'workloads', index], report);
    }
    checkDuplicates(arm.workloads ?? [], 'workload', (index) => [...path, 'workloads', index], report);
  }
}

function checkComparisons(experiment: Experiment, report: Report): void {
  const arms = Object.keys(experiment.arms);
  for (const [index, comparison] of experiment.comparisons.entries()) {
    const path: Path = ['comparisons', index];
    const isValue = comparison.kind === 'value';
    if (isValue && comparison.to !== undefined) {
      report.conflict([...path, 'to'], 'a value is of one arm', 'Take the key out.');
    } else if (!isValue && comparison.to === undefined) {
      report.invalid(path, `a ${comparison.kind} is of two arms`, 'Name the other one with `to`.');
    }
    for (const side of ['of', 'to'] as const) {
      const arm = comparison[side];
      if (arm === undefined) continue;
      checkKnown(arm, arms, 'arm', [...path, side], report);
      const ran = experiment.workloads.filter(
        ({ name }) => experiment.arms[arm]?.workloads?.includes(name) ?? true,
      );
      if (arms.includes(arm) && !ran.some((workload) => workload.class === comparison.class)) {
        report.conflict(
          [...path, 'class'],
          `arm ${arm} has no workload of class ${comparison.class} (${formatPlace(report.source.placeOfKey(['arms', arm]))})`,
          suggest(comparison.class, [...new Set(ran.map((workload) => workload.class))], 'class'),
        );
      }
    }
    if (comparison.of === comparison.to) {
      report.conflict([...path, 'to'], 'an arm is compared with itself', 'Name two arms.');
    }
    const { atLeast, atMost } = comparison;
    for (const bound of ['atLeast', 'atMost'] as const) {
      const value = comparison[bound];
      if (comparison.kind !== 'ratio' || value === undefined || value >= 0) continue;
      report.invalid([...path, bound], `a ratio is never ${value}`, 'Write 0 or more, or kind: difference.');
    }
    if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
      report.conflict(
        [...path, 'atMost'],
        `no ${comparison.kind} is at least ${atLeast} and at most ${atMost} (${formatPlace(report.source.placeOf([...path, 'atLeast']))})`,
        'Exchange the two bounds, or remove one.',
      );
    }
  }
}

function resolveExperiment(experiment: Experiment, report: Report): Experiment {
  const { placement } = experiment.topology;
  checkDuplicates(
    experiment.workloads.map(({ name }) => name),
    'workload',
    (index) => ['workloads', index, 'name'],
    report,
  );
  const everywhere = experiment.broker === undefined ? [] : [BROKER];
  for (const needed of new Set([GENERATOR, ...everywhere, experiment.entry])) {
    if (Object.hasOwn(placement, needed)) continue;
    report.invalid(
      ['topology', 'placement'],
      `${needed} is placed nowhere`,
      `Add ${needed} and the node it stands on.`,
    );
  }
  if (experiment.entry === GENERATOR) {
    report.invalid(['entry'], 'the generator cannot call itself', 'Name a service.');
  }
  if (experiment.broker === undefined && Object.hasOwn(placement, BROKER)) {
    report.conflict(
      ['topology', 'placement', BROKER],
      'a message broker is placed, and the experiment has none',
      'Add the section broker, or take the line out.',
    );
  }
  for (const [name, placed] of Object.entries(placement)) {
    const path: Path = ['topology', 'placement', name];
    if (typeof placed === 'string') continue;
    checkDuplicates(placed, 'node', (index) => [...path, index], report);
    if (name !== GENERATOR && name !== BROKER && name !== experiment.entry) continue;
    report.conflict(path, `${name} can have no replicas`, 'Name one node.');
  }
  checkArms(experiment, report);
  checkNetworkOfArms(experiment, report);
  checkEpisode(experiment, report);
  checkQueueOfArms(experiment, report);
  checkLoad(experiment, report);
  checkDuplicates(
    experiment.crossTraffic.map(({ name }) => name),
    'flow',
    (index) => ['crossTraffic', index, 'name'],
    report,
  );
  checkComparisons(experiment, report);
  if (experiment.control !== undefined) {
    checkKnown(experiment.control.of, Object.keys(experiment.arms), 'arm', ['control', 'of'], report);
  }
  return experiment;
}

/** Experiments: `experiments/NAME/experiment.yaml`. */
export const experimentKind: DocumentKind<Experiment, Experiment> = {
  name: 'experiment',
  schema: experimentSchema,
  resolve: resolveExperiment,
};

/**
 * Reads an experiment from YAML or JSON text. The files that it names are not opened; see {@link loadStudy}.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong.
 */
export function parseExperiment(text: string, file: string): Experiment {
  return parseDocument(experimentKind, text, file);
}

/** An experiment with the two files that it names, checked against each other. */
export interface Study {
  readonly experiment: Experiment;
  readonly policy: Policy;
  readonly graph: ApplicationGraph;
  /** By arm, what its `network.reactions` say, resolved; an arm that says nothing has the policy's. */
  readonly reactions: Readonly<Record<string, readonly Reaction[]>>;
  /** The files that were read. */
  readonly files: { readonly experiment: string; readonly policy: string; readonly graph: string };
}

function checkStudy({ experiment, policy, graph }: Omit<Study, 'reactions'>, report: Report): void {
  const services = Object.keys(graph.services);
  const classes = policy.classes.map(({ name }) => name);
  checkKnown(experiment.entry, services, 'service', ['entry'], report);
  for (const service of Object.keys(experiment.topology.placement)) {
    if (service === GENERATOR || service === BROKER) continue;
    checkKnown(service, services, 'service', ['topology', 'placement', service], report);
  }
  for (const [name, { consumes }] of Object.entries(graph.services)) {
    if (consumes === undefined || experiment.broker !== undefined) continue;
    report.invalid(
      ['application'],
      `${name} takes requests from queue ${consumes.queue}, and the experiment has no message broker`,
      'Add the section broker, and place it.',
    );
  }
  for (const service of services) {
    if (Object.hasOwn(experiment.topology.placement, service)) continue;
    report.invalid(['topology', 'placement'], `${service} is placed nowhere`, `Add ${service} and its node.`);
  }
  for (const { name, service } of policy.routes) {
    if (services.includes(service)) continue;
    report.invalid(
      ['policy'],
      `its route ${name} is for service ${service}, which the application does not have`,
      suggest(service, services, 'service'),
    );
  }
  for (const [name, { network }] of Object.entries(experiment.arms)) {
    checkReactions(network?.reactions ?? [], classes, ['arms', name, 'network', 'reactions'], report);
  }
  for (const [index, workload] of experiment.workloads.entries()) {
    checkKnown(workload.class, classes, 'class', ['workloads', index, 'class'], report);
    const path = workload.path.split('?')[0] ?? '';
    if (findRoute(graph, experiment.entry, workload.method, path) === undefined) {
      const routes = graph.services[experiment.entry]?.routes ?? [];
      report.invalid(
        ['workloads', index, 'path'],
        `${experiment.entry} has no route ${workload.method} ${path}`,
        `Known here: ${routes.map((route) => `${route.method} ${route.path}`).join(', ')}.`,
      );
    }
  }
}

/**
 * Reads an experiment file, its policy and its application graph, and checks that they fit together: classes, services,
 * placement and routes that one names are there in the other.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong in the first file that is wrong.
 */
export async function loadStudy(file: string): Promise<Study> {
  const text = await readConfigFile(file);
  const experiment = parseExperiment(text, file);
  const files = {
    experiment: file,
    policy: resolve(dirname(file), experiment.policy),
    graph: resolve(dirname(file), experiment.application),
  };
  const [policy, graph] = await Promise.all([loadPolicy(files.policy), loadApplicationGraph(files.graph)]);
  const study = { experiment, policy, graph, files };
  const source = readSource(text, file);
  const findings: Finding[] = [];
  checkStudy(study, {
    source,
    invalid(path, message, fix) {
      findings.push({ code: 'CONFIG_INVALID', place: source.placeOf(path), message, fix });
    },
    conflict(path, message, fix) {
      findings.push({ code: 'CONFIG_CONFLICT', place: source.placeOf(path), message, fix });
    },
  });
  const [first, ...others] = findings;
  if (first !== undefined) throw errorOf([first, ...others]);
  return { ...study, reactions: reactionsOfArms(study, source) };
}

function reactionsOfArms(
  { experiment, policy }: Omit<Study, 'reactions'>,
  source: Source,
): Study['reactions'] {
  const classes = policy.classes.map(({ name }) => name);
  return Object.fromEntries(
    Object.entries(experiment.arms).flatMap(([name, { network }]) => {
      if (network?.reactions === undefined) return [];
      const placeOf = (index: number) => source.placeOf(['arms', name, 'network', 'reactions', index]);
      return [[name, resolveReactions(network.reactions, classes, placeOf)]];
    }),
  );
}
