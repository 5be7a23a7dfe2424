import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Summary, summarize } from '../analysis/index.ts';
import { abortError, type Exec, hostExec, PriomeshError } from '../core/index.ts';
import { allCharts, type Chart, type ChartSource, renderSvg } from './charts/index.ts';
import { evidenceOf } from './evidence.ts';
import {
  classesOf,
  episodeOf,
  type Manifest,
  prefetchOf,
  readManifest,
  stepOf,
  windowOf,
} from './manifest.ts';
import { draftCells, notebookDocument } from './notebook.ts';
import { notesOf } from './notes.ts';
import { pageDocument } from './page.ts';
import { armLooks } from './palette.ts';
import { type CellRun, runCells } from './run-cells.ts';
import { summaryInput } from './summary-input.ts';
import { readTrials, type TrialSet } from './trials.ts';

/** How results are published. */
export interface PublishOptions {
  readonly signal?: AbortSignal;
  /** Runs the notebook's cells. Default: on this machine. */
  readonly exec?: Exec;
}

/** What was published, and where. */
export interface Published {
  readonly summary: Summary;
  readonly summaryFile: string;
  /** Path of `notebook.ipynb`. */
  readonly notebook: string;
  /** Path of `report.html`. */
  readonly page: string;
}

/**
 * Makes `summary.json`, `charts/`, `report.html` and `notebook.ipynb` from the manifest and the raw records of a results folder, anew each
 * time. Throws RESULTS_INVALID when the folder does not hold a run, INTERNAL when the notebook's own computation does not
 * agree with the summary (both are then there to be compared).
 */
export async function publishResults(resultsDir: string, options: PublishOptions = {}): Promise<Published> {
  const { signal, exec = hostExec } = options;
  const root = path.resolve(resultsDir);
  const goOn = () => {
    if (signal?.aborted === true) throw abortError(signal);
  };
  const manifest = await readManifest(root);
  const trials = await readTrials(root);
  goOn();
  const input = summaryInput(manifest, trials, evidenceOf(trials));
  const summary = summarize(input);
  const summaryFile = path.join(root, 'summary.json');
  await writeWhole(summaryFile, `${JSON.stringify(summary, null, 2)}\n`);

  const charts = allCharts(
    chartSource(manifest, trials, summary, (arm) => input.arms[arm]?.allWorkloads === false),
  );
  await writeCharts(path.join(root, 'charts'), charts, goOn);

  const page = path.join(root, 'report.html');
  await writeWhole(page, await pageDocument({ summary, manifest, charts }));
  goOn();

  const cells = draftCells(summary, manifest.experiment.claim, charts, notesOf(summary));
  const sources = cells.filter((cell) => cell.kind === 'code').map((cell) => cell.source);
  const run = await runCells(exec, root, sources, signal);
  const notebook = path.join(root, 'notebook.ipynb');
  await writeWhole(notebook, `${JSON.stringify(notebookDocument(cells, run), null, 1)}\n`);
  refuseFailedCell(run, notebook);
  return { summary, summaryFile, notebook, page };
}

function chartSource(
  manifest: Manifest,
  trials: TrialSet,
  summary: Summary,
  lessLoad: (arm: string) => boolean,
): ChartSource {
  const timeouts = new Map(manifest.experiment.workloads.map(({ name, timeoutMs }) => [name, timeoutMs]));
  return {
    summary,
    classes: classesOf(manifest).map(({ name, slo, broker }) => ({
      name,
      latencyMs: slo.latencyMs,
      goodputBps: slo.goodputBps,
      brokerPriority: broker?.priority,
    })),
    trials: trials.trials,
    looks: armLooks(summary, lessLoad, (arm) => prefetchOf(manifest, arm) === 'governed'),
    window: windowOf(manifest),
    episode: episodeOf(manifest),
    step: stepOf(manifest),
    rateBps: manifest.lab === 'local' ? undefined : manifest.experiment.topology.rateBps,
    timeoutMs: (workload) => timeouts.get(workload) ?? 0,
  };
}

async function writeCharts(folder: string, charts: readonly Chart[], goOn: () => void): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const chart of charts) {
    const spec = chart.spec('wide');
    const described = { ...spec, title: chart.title, description: chart.alt };
    await writeWhole(path.join(folder, `${chart.name}.vl.json`), `${JSON.stringify(described)}\n`);
    await writeWhole(path.join(folder, `${chart.name}.svg`), `${await renderSvg(described, 'paper')}\n`);
    goOn();
  }
}

function refuseFailedCell(run: CellRun | undefined, notebook: string): void {
  const failed = run?.outputs.flat().find((output) => output.output_type === 'error');
  if (failed === undefined) return;
  throw new PriomeshError(
    'INTERNAL',
    `${notebook}: the notebook's own computation stopped: ${String(failed['ename'])}: ${String(failed['evalue'])}`,
  );
}

/** Writes a file so that a reader sees the old or the new content, never half of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}
