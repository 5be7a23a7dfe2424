import type { Summary } from '../analysis/index.ts';
import type { Chart } from './charts/index.ts';
import { ARMS_CELL, chartCell, LOAD_CELL, RATIOS_CELL, SHOW_CELL, TRIAL_CELL } from './notebook-cells.ts';
import { QUEUES_CELL } from './notebook-queues-cell.ts';
import type { CellRun } from './run-cells.ts';

const VERDICTS = { holds: 'Holds', fails: 'Fails', undecided: 'Cannot tell' } as const;

/** A cell before it is numbered. */
export interface DraftCell {
  readonly id: string;
  readonly kind: 'markdown' | 'code';
  readonly source: string;
}

/** The cells of the notebook: words from the summary, code that recomputes it from the raw records, charts. */
export function draftCells(
  summary: Summary,
  claim: string,
  charts: readonly Chart[],
  notes: string,
): DraftCell[] {
  const markdown = (id: string, source: string): DraftCell => ({ id, kind: 'markdown', source });
  const code = (id: string, source: string): DraftCell => ({ id, kind: 'code', source });
  const { statistics } = summary;
  return [
    markdown(
      'title',
      `# ${summary.title}\n\nExperiment \`${summary.experiment}\`, ${summary.form} form, laboratory \`${summary.lab}\`.${notes === '' ? '' : ` ${notes}`}\n\n**Claim.** ${claim}\n\n**Finding.** ${summary.words.paragraph}`,
    ),
    markdown(
      'claims',
      `## The claims\n\n${summary.findings.map((finding) => `- **${VERDICTS[finding.verdict]}.** ${finding.claim} ${finding.words}`).join('\n') || 'The experiment states no bounds.'}`,
    ),
    markdown('layers', `## Arm by arm\n\n${summary.words.points.map((point) => `- ${point}`).join('\n')}`),
    markdown(
      'method',
      `## The numbers again, from the raw records\n\nThe cells below need Python's standard library alone and read files beside this notebook. They compute every number of \`summary.json\` a second time, in code of their own, and stop where one differs.\n\n- **Quantiles.** ${statistics.quantiles}\n- **Intervals.** ${statistics.intervals}\n- **Ratios.** ${statistics.ratios}\n- **Failures.** ${statistics.failures}${statistics.episode === undefined ? '' : `\n- **Episode.** ${statistics.episode}`}${statistics.step === undefined ? '' : `\n- **Step of the load.** ${statistics.step}`}`,
    ),
    code('load', LOAD_CELL),
    code('trials', TRIAL_CELL),
    code('arms', ARMS_CELL),
    code('ratios', RATIOS_CELL),
    ...(Object.values(summary.arms).some((arm) => arm.queues !== undefined)
      ? [code('queues', QUEUES_CELL)]
      : []),
    code('show', SHOW_CELL),
    ...charts.flatMap((chart) => [
      markdown(
        `words-${chart.name}`,
        `## ${chart.title}\n\n${chart.caption}${notes === '' ? '' : ` ${notes}`}`,
      ),
      code(`chart-${chart.name}`, chartCell(chart.name)),
    ]),
    ...limitsCell(summary),
  ];
}

function limitsCell(summary: Summary): DraftCell[] {
  const lines = [
    ...summary.limitations.map(
      ({ layer, arms, what, why, instead }) =>
        `- Layer \`${layer}\` in ${arms.map((arm) => `\`${arm}\``).join(', ')}: ${what} (${why}); instead: ${instead}.`,
    ),
    ...summary.audit.laboratory.map((text) => `- ${text}`),
    ...summary.audit.reasons.map((reason) => `- A trial was void and left out: ${reason}.`),
    ...(summary.audit.control === undefined ? [] : [`- ${summary.audit.control.words}`]),
  ];
  return lines.length === 0
    ? []
    : [{ id: 'limits', kind: 'markdown', source: `## Limits of this run\n\n${lines.join('\n')}` }];
}

/**
 * Puts cells and their outputs into a notebook (nbformat 4.5, https://nbformat.readthedocs.io). Without a run the cells have no outputs, and
 * the first cell says so.
 */
export function notebookDocument(cells: readonly DraftCell[], run: CellRun | undefined): object {
  let count = 0;
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: { display_name: 'Python 3 (ipykernel)', language: 'python', name: 'python3' },
      language_info: { name: 'python', ...(run === undefined ? {} : { version: run.pythonVersion }) },
    },
    cells: cells.map((cell, position) => {
      const note =
        run === undefined && position === 0
          ? '\n\n*There was no `python3` where this was published: the code cells have not been run. Run them to see their outputs.*'
          : '';
      const base = {
        cell_type: cell.kind,
        id: cell.id,
        metadata: {},
        source: lines(cell.source.trimEnd() + note),
      };
      if (cell.kind === 'markdown') return base;
      const outputs = run?.outputs[count];
      count += 1;
      return {
        ...base,
        execution_count: outputs === undefined ? null : count,
        outputs: outputs ?? [],
      };
    }),
  };
}

/** nbformat keeps text as a list of lines, which compare well. */
function lines(text: string): string[] {
  return text.split(/(?<=\n)/);
}
