/** Letters and digits only, in lower case: `latency_ms` and `latencyMs` are the same word, written in two ways. */
function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** The number of insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The longest word that is compared; a longer one is no slip of the pen. */
const WORD_LIMIT = 64;

/** The known word that a person most likely meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_LIMIT) return undefined;
  const wanted = bare(word);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const plain = bare(candidate);
    const part =
      wanted.length >= 3 && plain.length >= 3 && (plain.startsWith(wanted) || wanted.startsWith(plain));
    const distance = Math.min(editDistance(wanted, plain), part ? 1.5 : Number.POSITIVE_INFINITY);
    const allowed = Math.max(1, Math.floor(Math.min(wanted.length, plain.length) / 3)) + 0.5;
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
