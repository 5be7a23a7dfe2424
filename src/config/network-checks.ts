import {
  DEFAULT_ADMISSION,
  formatPlace,
  type NetworkSettings,
  type Reaction,
  type RequestClass,
} from '../core/index.ts';
import type { Report } from './document.ts';
import { suggest } from './explain.ts';
import type { DeepReadonly } from './lazy.ts';
import type { PolicyFile } from './policy-schema.ts';
import type { Path } from './source.ts';

type Row = readonly [name: string, row: PolicyFile['classes'][string]];

/** Values of DSCP pool 2 (RFC 2474): `xxxx11`, for local use. */
const LOCAL_USE = Array.from({ length: 16 }, (_, index) => 4 * index + 3);

type WrittenReactions = PolicyFile['network']['reactions'];

/**
 * Checks that each decision about congestion has one owner for each class.
 * @param known names of classes, in order of rank
 * @param base where the list of reactions stands
 */
export function checkReactions(
  reactions: DeepReadonly<WrittenReactions>,
  known: readonly string[],
  base: Path,
  report: Pick<Report, 'source' | 'invalid' | 'conflict'>,
): void {
  const owners = new Map<string, number>();
  for (const [index, reaction] of reactions.entries()) {
    const path: Path = [...base, index];
    for (const [position, name] of (reaction.classes ?? []).entries()) {
      if (known.includes(name)) continue;
      const where = [...path, 'classes', position];
      report.invalid(where, `there is no class ${name}`, suggest(name, known, 'class'));
    }
    if (reaction.owner === 'controller' && reaction.decide !== 'path') {
      report.conflict(
        [...path, 'owner'],
        `a controller cannot decide ${reaction.decide}: it sees packets and no requests`,
        'Let the sidecars own it.',
      );
    }
    for (const key of ['sharePercent', 'maxDurationMs'] as const) {
      if (reaction[key] === undefined || reaction.decide === 'admission') continue;
      report.conflict(
        [...path, key],
        `${key} belongs to the decision admission, and this one is ${reaction.decide}`,
        'Take the key out.',
      );
    }
    for (const name of reaction.classes ?? known) {
      const decision = `${reaction.decide} ${name}`;
      const first = owners.get(decision);
      if (first === undefined) {
        owners.set(decision, index);
        continue;
      }
      const other = reactions[first];
      const place = formatPlace(report.source.placeOf([...base, first]));
      report.conflict(
        path,
        other?.owner === reaction.owner
          ? `${reaction.decide} of ${name} is decided twice (${place})`
          : `the ${reaction.owner} would decide the ${reaction.decide} of ${name}, and so would the ${other?.owner ?? ''} (${place})`,
        'Give each decision one owner: name other classes, or take one of the two out.',
      );
      break;
    }
  }
}

/** Checks the section `network` of a policy. `rows` is ordered by rank. */
export function checkNetwork({ network }: PolicyFile, rows: readonly Row[], report: Report): void {
  const known = rows.map(([name]) => name);
  checkReactions(network.reactions, known, ['network', 'reactions'], report);
  const { congestedLevel, calmLevel } = network.damping;
  if (calmLevel >= congestedLevel) {
    report.conflict(
      ['network', 'damping'],
      `a path would be calm and congested at once: calmLevel ${calmLevel} is not below congestedLevel ${congestedLevel}`,
      'Lower calmLevel.',
    );
  }
  checkAlternates(rows, report);
}

/** Packets of two classes, or on two paths, must never look alike. */
function checkAlternates(rows: readonly Row[], report: Report): void {
  const taken = new Map<number, Path>();
  for (const [name, row] of rows) {
    for (const [index, dscp] of (row.network.alternateDscp ?? []).entries()) {
      const path: Path = ['classes', name, 'network', 'alternateDscp', index];
      const other = taken.get(dscp);
      if (other === undefined) taken.set(dscp, path);
      else {
        report.conflict(
          path,
          `DSCP ${dscp} stands for two paths or classes (${formatPlace(report.source.placeOf(other))})`,
          'Give each a value of its own.',
        );
      }
    }
  }
}

/**
 * The alternate marks of each class, in order of rank: what the file says, else the next values for local use that nothing else has.
 * @param marks the classes' own marks
 */
export function alternateMarks(rows: readonly Row[], marks: readonly number[], report: Report): number[][] {
  const stated = rows.flatMap(([, row]) => row.network.alternateDscp ?? []);
  for (const [name, row] of rows) {
    for (const [index, dscp] of (row.network.alternateDscp ?? []).entries()) {
      if (!marks.includes(dscp)) continue;
      report.conflict(
        ['classes', name, 'network', 'alternateDscp', index],
        `DSCP ${dscp} is the mark of a class already`,
        'Choose a value that no class is marked with.',
      );
    }
  }
  const free = LOCAL_USE.filter((dscp) => !marks.includes(dscp) && !stated.includes(dscp));
  return rows.map(([, row]) => row.network.alternateDscp ?? free.splice(0, 1));
}

/** Reactions as written, with their defaults. `names` are those of the classes, in order of rank. */
export function resolveReactions(
  written: DeepReadonly<WrittenReactions>,
  names: readonly string[],
  placeOf: (index: number) => Reaction['place'],
): Reaction[] {
  return written.map((one, index) => ({
    decide: one.decide,
    owner: one.owner,
    classes: names.filter((name) => one.classes?.includes(name) ?? true),
    sharePercent: one.sharePercent ?? DEFAULT_ADMISSION.sharePercent,
    maxDurationMs: one.maxDurationMs ?? DEFAULT_ADMISSION.maxDurationMs,
    place: placeOf(index),
  }));
}

/** The network section with its defaults: sidecars choose path and replica, for all classes. */
export function resolveNetwork(
  { network }: PolicyFile,
  classes: readonly Pick<RequestClass, 'name'>[],
  report: Pick<Report, 'source'>,
): NetworkSettings {
  const names = classes.map(({ name }) => name);
  const written: WrittenReactions =
    network.reactions.length > 0
      ? network.reactions
      : [
          { decide: 'path', owner: 'sidecar' },
          { decide: 'replica', owner: 'sidecar' },
        ];
  return {
    hints: network.hints,
    damping: network.damping,
    reactions: resolveReactions(written, names, (index) =>
      report.source.placeOf(network.reactions.length > 0 ? ['network', 'reactions', index] : ['network']),
    ),
  };
}
