import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Finding, findingsOf } from '../../../src/config/index.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** A file of the repository, by its path there. */
export function repositoryFile(path: string): string {
  return join(ROOT, path);
}

/** The text of a file of the repository. */
export function repositoryText(path: string): string {
  return readFileSync(repositoryFile(path), 'utf8');
}

/** What a loader found wrong; fails when it found nothing. */
export function findingsIn(read: () => unknown): readonly Finding[] {
  try {
    read();
  } catch (error) {
    const findings = findingsOf(error);
    if (findings.length === 0) throw error;
    return findings;
  }
  throw new Error('the loader accepted the text');
}

/** Findings as `line:column CODE message`, short enough to compare. */
export function listed(findings: readonly Finding[]): readonly string[] {
  return findings.map(
    ({ code, place, message }) => `${place.line}:${place.column} ${code.replace('CONFIG_', '')} ${message}`,
  );
}

/** Replaces a part of a text that must stand in it exactly once. */
export function edited(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`not once in the text: ${from}`);
  return text.replace(from, () => to);
}

/** A small policy that is sound. */
export const POLICY = `schema: priomesh/policy/v1
name: small
classes:
  high:
    rank: 0
    mark: { dscp: EF }
    kernel: { sharePercent: 60 }
  low:
    rank: 3
    mark: { dscp: 10 }
    kernel: { sharePercent: 40 }
ingress:
  defaultClass: low
  rules:
    - name: pages
      class: high
      match: { path: "/**", method: [GET] }
`;
