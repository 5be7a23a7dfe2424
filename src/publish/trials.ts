import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Trial } from '../analysis/index.ts';
import { messageOf, PriomeshError } from '../core/index.ts';
import { type CounterLine, networkEvents, queueSamples, readCounters } from './counters.ts';
import { readRequests, readThroughput } from './records-file.ts';

const verdictSchema = z.looseObject({ valid: z.boolean(), reasons: z.array(z.string()).default([]) });
const auditSchema = z.union([verdictSchema, z.looseObject({ verdict: verdictSchema })]);

/** A trial that passed its audit, with its counters over time. */
export interface PublishedTrial extends Trial {
  /** Relative to the results folder. */
  readonly folder: string;
  readonly counters: readonly CounterLine[];
}

/** Every trial of a results folder: those that count, and why the others do not. */
export interface TrialSet {
  readonly trials: readonly PublishedTrial[];
  /** One entry for each void attempt. */
  readonly void: readonly string[];
}

/** Trials of a results folder stand in `trials/NNN-ARM-BLOCK`, a repeated one in `...-againN`. */
const FOLDER = /^\d+-(?<arm>.+?)-(?<block>\d+)(?:-again(?<attempt>\d+))?$/;

/**
 * Reads every trial of a results folder, one after the other. A trial without `audit.json` did not end and is left out. Of several valid attempts at one
 * block the last counts. Throws RESULTS_INVALID when a file is missing or malformed.
 */
export async function readTrials(resultsDir: string): Promise<TrialSet> {
  const root = path.join(resultsDir, 'trials');
  let names: string[];
  try {
    names = (await readdir(root)).sort();
  } catch (error) {
    throw new PriomeshError('RESULTS_INVALID', `${root} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const chosen = new Map<string, { arm: string; block: number; attempt: number; folder: string }>();
  const rejected: string[] = [];
  for (const name of names) {
    const match = FOLDER.exec(name)?.groups;
    if (match === undefined) continue;
    const verdict = await readVerdict(path.join(root, name, 'audit.json'));
    if (verdict === undefined) continue;
    if (!verdict.valid) {
      rejected.push(verdict.reasons.join('; ') || 'no reason given');
      continue;
    }
    const arm = match['arm'] ?? '';
    const block = Number(match['block']);
    const attempt = Number(match['attempt'] ?? 0);
    const before = chosen.get(`${arm}/${block}`);
    if (before !== undefined && before.attempt > attempt) continue;
    chosen.set(`${arm}/${block}`, { arm, block, attempt, folder: path.join('trials', name) });
  }
  const trials: PublishedTrial[] = [];
  for (const { arm, block, folder } of chosen.values()) {
    const at = (file: string) => path.join(resultsDir, folder, file);
    const [requests, throughput, counters] = await Promise.all([
      readRequests(at('requests.csv.gz')),
      readThroughput(at('throughput.csv')),
      readCounters(at('counters.jsonl')),
    ]);
    const samples = queueSamples(counters);
    const events = networkEvents(counters);
    trials.push({
      arm,
      block,
      folder,
      requests,
      throughput,
      counters,
      queueSamples: samples,
      ...(events === undefined ? {} : { networkEvents: events }),
    });
  }
  return { trials, void: rejected };
}

async function readVerdict(file: string): Promise<{ valid: boolean; reasons: string[] } | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PriomeshError('RESULTS_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    const audit = auditSchema.parse(JSON.parse(text));
    return 'verdict' in audit ? verdictSchema.parse(audit['verdict']) : verdictSchema.parse(audit);
  } catch (error) {
    throw new PriomeshError('RESULTS_INVALID', `${file} is not an audit: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
