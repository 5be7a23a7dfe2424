import type { Summary } from '../analysis/index.ts';

/** How an arm looks in every chart. */
export interface ArmLook {
  readonly colour: string;
  /** Lengths of strokes and gaps. */
  readonly dash: readonly number[];
}

/*
 * Hues after Okabe and Ito, "Color Universal Design" (2008), brought to a luminance between 0.13 and 0.3, so that each has a contrast
 * of at least 3:1 with a white and with a nearly black page.
 */
const GREY = '#808080';
const VERMILION = '#d55e00';
const BLUE = '#2f74c8';
const GREEN = '#0b9a70';
const SINGLES: readonly ArmLook[] = [
  { colour: '#b07a00', dash: [8, 3] },
  { colour: '#b355a0', dash: [7, 2, 2, 2] },
  { colour: '#2f93c9', dash: [4, 2] },
  { colour: '#8a6d4f', dash: [10, 3, 2, 3, 2, 3] },
  { colour: '#6f7f2a', dash: [3, 3] },
];

const CLASS_COLOURS = ['#c2356f', '#8794a3', '#6f7f2a', '#8a6d4f', '#2f93c9'] as const;

/**
 * Gives every arm its colour and dashes, by its part: without sidecars, baseline, one layer, all layers, less load. Where several arms have all
 * layers and differ in something else, the one that is singled out has the colour of all layers.
 */
export function armLooks(
  summary: Summary,
  lessLoad: (arm: string) => boolean,
  isSingledOut: (arm: string) => boolean = () => false,
): Map<string, ArmLook> {
  const looks = new Map<string, ArmLook>();
  const most = Math.max(...Object.values(summary.arms).map((arm) => arm.layers.length));
  const control = summary.audit.control?.arm;
  const full = Object.keys(summary.arms).filter(
    (name) => name !== control && !lessLoad(name) && summary.arms[name]?.layers.length === most,
  );
  let single = 0;
  for (const [name, arm] of Object.entries(summary.arms)) {
    if (lessLoad(name)) looks.set(name, { colour: GREEN, dash: [2, 2] });
    else if (!arm.sidecars) looks.set(name, { colour: GREY, dash: [5, 3] });
    else if (name === summary.baseline) looks.set(name, { colour: VERMILION, dash: [1, 0] });
    else if (arm.layers.length === most && most > 0 && (full.length < 2 || isSingledOut(name)))
      looks.set(name, { colour: BLUE, dash: [1, 0] });
    else {
      looks.set(name, SINGLES[single % SINGLES.length] as ArmLook);
      single += 1;
    }
  }
  return looks;
}

/** Messages that consumers have, of whatever class. */
export const UNACKED_COLOUR = '#b07a00';
/** Messages of a priority that no class has. */
export const UNCLASSED_COLOUR = '#8a6d4f';

/** The colour of a class, by its position in the policy. */
export function classColour(index: number): string {
  return CLASS_COLOURS[index % CLASS_COLOURS.length] as string;
}

const PATH_COLOURS = ['#2f74c8', '#0b9a70', '#b07a00', '#b355a0'] as const;

/** The colour of a network path, by its position; the default one is the first. */
export function pathColour(index: number): string {
  return PATH_COLOURS[index % PATH_COLOURS.length] as string;
}
