import { PriomeshError } from '../core/index.ts';
import type { ClassReadback } from './tc-readback.ts';

const HEAD = /^class (\S+) (\S+) (?:(root)|parent (\S+)) (.*)$/;
const OVERLIMITS = /\(dropped \d+, overlimits (\d+) requeues \d+\)/;
const SCALE: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Whether a text is what `tc class show` prints where it knows no JSON. */
export function looksLikeClassText(output: string): boolean {
  return output.trimStart().startsWith('class ');
}

/** A rate as tc prints it: `19Mbit`, `9405Kbit`. tc keeps at least three digits, so it is exact to a thousandth. */
function rateBps(printed: string): number {
  const [, digits, prefix] = /^(\d+)([KMGT]?)bit$/.exec(printed) ?? [];
  const scale = SCALE[prefix ?? ''];
  if (digits === undefined || scale === undefined) {
    throw new PriomeshError('COMMAND_FAILED', `tc printed a rate that cannot be read: ${printed}`);
  }
  return Number(digits) * scale;
}

function readHead(line: string): Omit<ClassReadback, 'overlimits'> | undefined {
  const [, kind, classid, root, parent, rest] = HEAD.exec(line) ?? [];
  if (kind === undefined || classid === undefined || rest === undefined) return undefined;
  const words = rest.split(' ');
  const after = (word: string): string | undefined => {
    const at = words.indexOf(word);
    return at < 0 ? undefined : words[at + 1];
  };
  const [rate, ceil, prio, quantum] = [after('rate'), after('ceil'), after('prio'), after('quantum')];
  return {
    kind,
    classid,
    parent: root ?? parent ?? '',
    ...(rate === undefined ? {} : { rateBps: rateBps(rate) }),
    ...(ceil === undefined ? {} : { ceilBps: rateBps(ceil) }),
    ...(prio === undefined ? {} : { prio: Number(prio) }),
    ...(quantum === undefined ? {} : { quantumBytes: Number(quantum) }),
  };
}

/** Reads what `tc -s -d class show` prints where it has no JSON for classes (iproute2 before 6.3). Throws COMMAND_FAILED on a line of another form. */
export function parseClassText(output: string): ClassReadback[] {
  const classes: ClassReadback[] = [];
  for (const line of output.split('\n')) {
    if (line.startsWith('class ')) {
      const head = readHead(line);
      if (head === undefined) {
        throw new PriomeshError('COMMAND_FAILED', `tc printed a class that cannot be read: ${line}`);
      }
      classes.push({ ...head, overlimits: 0 });
      continue;
    }
    const overlimits = OVERLIMITS.exec(line)?.[1];
    const last = classes.at(-1);
    if (overlimits !== undefined && last !== undefined) {
      classes[classes.length - 1] = { ...last, overlimits: Number(overlimits) };
    }
  }
  return classes;
}
