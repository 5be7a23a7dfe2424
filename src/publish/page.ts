import { figure, type Summary } from '../analysis/index.ts';
import { type Chart, inlineSvg, renderSvg } from './charts/index.ts';
import { escapeHtml, prose } from './html.ts';
import { classesOf, type Manifest, prefetchOf } from './manifest.ts';
import { notesOf } from './notes.ts';
import { PAGE_STYLE } from './page-style.ts';
import { claimList, classTable } from './page-tables.ts';

/** What the page is made from. */
export interface PageSource {
  readonly summary: Summary;
  readonly manifest: Manifest;
  readonly charts: readonly Chart[];
}

/** The page: one HTML file that needs nothing beside itself, without scripts; a figure is drawn once for a wide window and once for a telephone. */
export async function pageDocument(source: PageSource): Promise<string> {
  const { summary, manifest } = source;
  const figures: string[] = [];
  for (const chart of source.charts) figures.push(await figureSection(chart, notesOf(summary)));
  const classes = classesOf(manifest).map(({ name }) => name);
  const shown = classes.filter((name) =>
    Object.values(summary.arms).some((arm) => arm.classes[name] !== undefined),
  );
  const notes = notesOf(summary);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(summary.title)}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(summary.title)}</h1>
<p class="about">${about(summary, manifest)}</p>
<p class="claim">${prose(manifest.experiment.claim)}</p>
</header>
${notes === '' ? '' : `<p class="notice">${prose(notes)}</p>`}
<section aria-labelledby="finding">
<h2 id="finding">The finding</h2>
<p class="finding">${prose(summary.words.paragraph)}</p>
${claimList(summary)}
</section>
${figures.join('\n')}
<section aria-labelledby="arms">
<h2 id="arms">Arm by arm</h2>
<ul class="arms">${summary.words.points.map((point) => `<li>${prose(point)}</li>`).join('\n')}</ul>
</section>
<section aria-labelledby="numbers">
<h2 id="numbers">The numbers</h2>
<p>Each value is over the trials of an arm; its 95 % interval stands below it.</p>
${shown.map((name) => classTable(summary, name)).join('\n')}
</section>
${limits(summary)}
${method(summary, manifest)}
</main>
</body>
</html>
`;
}

async function figureSection(chart: Chart, notes: string): Promise<string> {
  const draw = async (room: 'wide' | 'narrow') => {
    const svg = await renderSvg(chart.spec(room), 'page');
    return `<div class="${room}">${inlineSvg(svg, `${chart.name}-${room}`, chart.alt)}</div>`;
  };
  const id = `figure-${chart.name}`;
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escapeHtml(chart.title)}</h2>
<figure>
${await draw('wide')}
${await draw('narrow')}
<figcaption>${prose(chart.caption)}${notes === '' ? '' : ` ${prose(notes)}`}</figcaption>
</figure>
</section>`;
}

function about(summary: Summary, manifest: Manifest): string {
  const { audit } = summary;
  const arms = Object.keys(summary.arms).length;
  const day = manifest.startedAt?.slice(0, 10);
  const parts = [
    `Experiment <code>${escapeHtml(summary.experiment)}</code>`,
    `${escapeHtml(summary.form)} form`,
    `${escapeHtml(summary.lab)} laboratory`,
    `${audit.trials} trials of ${arms} arms`,
    ...(day === undefined ? [] : [escapeHtml(day)]),
  ];
  return parts.join(' · ');
}

function limits(summary: Summary): string {
  const { audit } = summary;
  const items = [
    ...audit.laboratory,
    ...summary.limitations.map(
      ({ layer, arms, what, why, instead }) =>
        `Layer \`${layer}\` in ${arms.map((arm) => `\`${arm}\``).join(', ')}: ${what} (${why}); instead: ${instead}.`,
    ),
    `${audit.trials} trials passed the audit, ${audit.void} ${audit.void === 1 ? 'was' : 'were'} void and left out.`,
    ...audit.reasons.map((reason) => `Void because: ${reason}.`),
    ...(audit.control === undefined ? [] : [audit.control.words]),
  ];
  return `<section aria-labelledby="limits">
<h2 id="limits">Limits of this run</h2>
<ul class="plain">${items.map((item) => `<li>${prose(item)}</li>`).join('\n')}</ul>
</section>`;
}

function method(summary: Summary, manifest: Manifest): string {
  const { experiment } = manifest;
  const { topology } = experiment;
  const load = experiment.workloads.map(
    ({ name, class: className, rateRps, arrivals, steps }) =>
      `${name} (${className}): ${figure(rateRps)} requests/s, ${arrivals}${stepWords(steps)}`,
  );
  const facts: readonly (readonly [string, string])[] = [
    [
      'Network',
      manifest.lab === 'local'
        ? 'loopback: no bottleneck, no delay'
        : `${topology.name}, bottleneck ${figure(topology.rateBps / 1e6)} Mbit/s, ${figure(topology.delayMs)} ms one way, queue of ${topology.queuePackets} packets`,
    ],
    ['Load', `open loop; ${load.join('; ')}`],
    ['Measured', `${figure(summary.windowMs / 1000)} s of each trial, after the warm-up`],
    [
      'Congestion control',
      `${experiment.baselineCongestionControl || "the kernel's default"} where the transport layer is off`,
    ],
    ...broker(manifest),
    ...crossTraffic(manifest),
    ['Quantiles', summary.statistics.quantiles],
    ['Intervals', summary.statistics.intervals],
    ['Ratios', summary.statistics.ratios],
    ['Failures', summary.statistics.failures],
    ...(summary.statistics.episode === undefined ? [] : [['Episode', summary.statistics.episode] as const]),
    ...(summary.statistics.step === undefined ? [] : [['Step', summary.statistics.step] as const]),
    ['Seed', experiment.seed === undefined ? 'not recorded' : String(experiment.seed)],
    ['Code', code(manifest)],
  ];
  return `<section aria-labelledby="method">
<h2 id="method">How it was measured</h2>
<dl>${facts.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${prose(text)}</dd>`).join('\n')}</dl>
<p>Beside this page: <a href="notebook.ipynb">notebook.ipynb</a> computes every number again from the raw records,
<a href="summary.json">summary.json</a> holds them for programs, <a href="charts/">charts/</a> holds the figures with their data,
<a href="manifest.json">manifest.json</a> says what was run on what.</p>
</section>`;
}

/** How a rate changes: `, 300 from 1.5 s of the measurement on, 50 from 3 s`. */
function stepWords(steps: Manifest['experiment']['workloads'][number]['steps']): string {
  return steps
    .map(({ atMs, rateRps }, index) => {
      const since = `${figure(atMs / 1000)} s${index === 0 ? ' of the measurement on' : ''}`;
      return `, ${figure(rateRps)} from ${since}`;
    })
    .join('');
}

function crossTraffic({ experiment, form }: Manifest): (readonly [string, string])[] {
  if (experiment.crossTraffic.length === 0) return [];
  const flows = experiment.crossTraffic.map(
    ({ name, from, to, rateBps, startMs, durationMs }) =>
      `${name}: UDP, ${figure(rateBps / 1e6)} Mbit/s from ${from} to ${to}, from ${figure(startMs / 1000)} s of the measurement on, for ${figure(Math.min(durationMs, form.measureMs - startMs) / 1000)} s`,
  );
  const polled =
    experiment.controller === undefined
      ? ''
      : `; the controller reads the switches every ${figure(experiment.controller.pollMs)} ms`;
  return [['Cross traffic', `${flows.join('; ')}${polled}`]];
}

function broker(manifest: Manifest): (readonly [string, string])[] {
  const { experiment } = manifest;
  if (experiment.broker === undefined) return [];
  const prefetches = Object.keys(experiment.arms).map(
    (arm) => `\`${arm}\` ${prefetchOf(manifest, arm) ?? "the client's own"}`,
  );
  return [
    [
      'Message queues',
      `depths read every ${figure(experiment.broker.sampleMs)} ms; prefetch: ${prefetches.join(', ')}`,
    ],
  ];
}

function code(manifest: Manifest): string {
  if (typeof manifest.commit !== 'string') return 'commit not recorded';
  return `commit \`${manifest.commit.slice(0, 12)}\`${manifest.dirty === true ? ', with uncommitted changes' : ''}`;
}
