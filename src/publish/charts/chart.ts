import type { Episode, MeasuringWindow, Summary } from '../../analysis/index.ts';
import type { ArmLook } from '../palette.ts';
import type { PublishedTrial } from '../trials.ts';

/** A Vega-Lite specification: JSON. */
export type Spec = Readonly<Record<string, unknown>>;

/** How much room a chart has: a column of a page, or a telephone. */
export type Room = 'wide' | 'narrow';

/** What every chart is drawn from. */
export interface ChartSource {
  readonly summary: Summary;
  /** The most important class first. */
  readonly classes: readonly {
    readonly name: string;
    readonly latencyMs?: number | undefined;
    readonly goodputBps?: number | undefined;
    /** The AMQP priority of its messages. */
    readonly brokerPriority?: number | undefined;
  }[];
  readonly trials: readonly PublishedTrial[];
  readonly looks: ReadonlyMap<string, ArmLook>;
  /** What was measured of every trial. */
  readonly window: MeasuringWindow;
  /** When cross traffic flows; absent in an experiment without. */
  readonly episode?: Episode | undefined;
  /** From the step of the load up to the step down; absent in an experiment without. */
  readonly step?: Episode | undefined;
  /** Rate of the bottleneck link; undefined where the laboratory has none. */
  readonly rateBps: number | undefined;
  timeoutMs(workload: string): number;
}

/** One chart: its words, and its specification for the room it gets. */
export interface Chart {
  /** File name without extension. */
  readonly name: string;
  readonly title: string;
  /** What is drawn and how to read it. */
  readonly caption: string;
  /** What a reader who cannot see it is told. */
  readonly alt: string;
  spec(room: Room): Spec;
}

/** Where the specifications say what they are. */
export const VEGA_LITE_SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';

/** Width of the drawing area, pixels. */
export const PLOT_WIDTH: Readonly<Record<Room, number>> = { wide: 640, narrow: 268 };

/** Every arm, in the order of the experiment, the A/A control last. */
export function allArms(source: ChartSource): string[] {
  return Object.keys(source.summary.arms);
}

/** The arms without the A/A control, which would only cover the arm that it repeats. */
export function drawnArms(source: ChartSource): string[] {
  const control = source.summary.audit.control?.arm;
  return allArms(source).filter((arm) => arm !== control);
}

/** Colour scale of the arms, the same in every chart. */
export function armColours(source: ChartSource, arms: readonly string[]): Spec {
  return { domain: [...arms], range: arms.map((arm) => source.looks.get(arm)?.colour ?? '#7f7f7f') };
}

/** Dash scale of the arms, so that colour is not the only difference. */
export function armDashes(source: ChartSource, arms: readonly string[]): Spec {
  return { domain: [...arms], range: arms.map((arm) => source.looks.get(arm)?.dash ?? [1, 0]) };
}
