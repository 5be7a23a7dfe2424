import { describe, expect, it } from 'vitest';
import {
  geometricInterval,
  meanInterval,
  pairedRatio,
  quantileSorted,
  studentCentralProbability,
  studentQuantile,
} from '../../../src/analysis/index.ts';
import { hostExec, mustRun, seededRandom } from '../../../src/core/index.ts';

/** SciPy's and NumPy's answers to the same questions. */
const SCRIPT = `
import json, sys
import numpy as np
from scipy import stats

task = json.load(sys.stdin)
answer = {
    "quantiles": [[float(np.quantile(values, p)) for p in task["levels"]] for values in task["samples"]],
    "t": [[float(stats.t.ppf(0.5 + confidence / 2, freedom)) for freedom in task["freedoms"]] for confidence in task["confidences"]],
    "central": [float(stats.t.cdf(t, 5) - stats.t.cdf(-t, 5)) for t in (0.0, 0.5, 1.0, 7.0)],
    "mean": [], "geometric": [], "ratio": [],
}
def interval(values):
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    return [float(np.mean(values)), float(low), float(high)]
for values in task["trials"]:
    answer["mean"].append(interval(values))
    answer["geometric"].append(np.exp(interval(np.log(values))).tolist())
for of, to in zip(task["trials"], task["others"]):
    answer["ratio"].append(np.exp(interval(np.log(np.array(of) / np.array(to)))).tolist())
json.dump(answer, sys.stdout)
`;

interface Answer {
  quantiles: number[][];
  t: number[][];
  central: number[];
  mean: number[][];
  geometric: number[][];
  ratio: number[][];
}

describe('the statistics against SciPy and NumPy', () => {
  it('agree on quantiles, Student’s distribution, intervals and paired ratios', async () => {
    const random = seededRandom(11);
    const draw = (count: number) => Array.from({ length: count }, () => 0.1 + random.exponential(40));
    const sizes = [3, 4, 5, 8, 12];
    const task = {
      levels: [0, 0.5, 0.9, 0.99, 0.999, 1],
      samples: [1, 2, 7, 100, 1234].map(draw),
      freedoms: [1, 2, 3, 4, 5, 8, 11, 12, 31, 200],
      confidences: [0.5, 0.9, 0.95, 0.999],
      trials: sizes.map(draw),
      others: sizes.map(draw),
    };
    const { stdout } = await mustRun(hostExec, ['/usr/bin/python3', '-c', SCRIPT], {
      input: JSON.stringify(task),
    });
    const theirs = JSON.parse(stdout) as Answer;
    const near = (own: number | null | undefined, other: number | undefined, what: string) => {
      const difference = Math.abs((own ?? Number.NaN) - (other ?? Number.NaN));
      expect(difference, what).toBeLessThanOrEqual(1e-8 * Math.max(1, Math.abs(other ?? 0)));
    };
    for (const [row, values] of task.samples.entries()) {
      const sorted = [...values].sort((a, b) => a - b);
      for (const [column, level] of task.levels.entries()) {
        near(
          quantileSorted(sorted, level),
          theirs.quantiles[row]?.[column],
          `quantile ${level} of ${values.length}`,
        );
      }
    }
    for (const [row, confidence] of task.confidences.entries()) {
      for (const [column, freedom] of task.freedoms.entries()) {
        near(studentQuantile(confidence, freedom), theirs.t[row]?.[column], `t ${confidence} ${freedom}`);
      }
    }
    for (const [index, t] of [0, 0.5, 1, 7].entries()) {
      near(studentCentralProbability(t, 5), theirs.central[index], `P(|T| <= ${t})`);
    }
    for (const [index, values] of task.trials.entries()) {
      const other = task.others[index] ?? [];
      for (const [own, expected, what] of [
        [meanInterval(values), theirs.mean[index], 'mean'],
        [geometricInterval(values), theirs.geometric[index], 'geometric mean'],
        [pairedRatio(values, other), theirs.ratio[index], 'ratio'],
      ] as const) {
        near(own.value, expected?.[0], `${what} of ${values.length}`);
        near(own.low, expected?.[1], `${what} of ${values.length}, low`);
        near(own.high, expected?.[2], `${what} of ${values.length}, high`);
      }
    }
  });
});
