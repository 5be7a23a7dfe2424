import { ablationChart } from './ablation.ts';
import { backlogChart } from './backlog.ts';
import { ccdfChart } from './ccdf.ts';
import type { Chart, ChartSource } from './chart.ts';
import { loadStepChart } from './load-step.ts';
import { queueDepthChart } from './queue-depth.ts';
import { queueTradeChart } from './queue-trade.ts';
import { shareChart } from './share.ts';
import { sloChart } from './slo.ts';
import { timelineChart } from './timeline.ts';

export type { Chart, ChartSource, Room, Spec } from './chart.ts';
export { inlineSvg, renderSvg } from './render.ts';

/** Every chart that the data allow, in the order they are read. */
export function allCharts(source: ChartSource): Chart[] {
  return [
    timelineChart(source),
    loadStepChart(source),
    queueTradeChart(source),
    queueDepthChart(source),
    ablationChart(source),
    ...source.classes.map(({ name }) => ccdfChart(source, name)),
    sloChart(source),
    shareChart(source),
    backlogChart(source),
  ].filter((chart) => chart !== undefined);
}
