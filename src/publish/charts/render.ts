import type { TopLevelSpec } from 'vega-lite';
import { messageOf, PriomeshError } from '../../core/index.ts';
import type { Spec } from './chart.ts';
import { textWidth } from './text-width.ts';

/** Where a drawing is looked at: alone on white paper, or in a page whose text colour it takes over. */
export type Surface = 'paper' | 'page';

const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif';

function configFor(surface: Surface): Readonly<Record<string, unknown>> {
  const ink = surface === 'paper' ? '#1c1f23' : 'currentColor';
  return {
    background: surface === 'paper' ? 'white' : 'transparent',
    padding: surface === 'paper' ? 12 : 2,
    font: FONT,
    aria: false,
    view: { stroke: null },
    text: { color: ink },
    rule: { color: ink },
    axis: {
      labelColor: ink,
      titleColor: ink,
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      domainColor: ink,
      domainOpacity: 0.5,
      tickColor: ink,
      tickOpacity: 0.5,
      gridColor: ink,
      gridOpacity: 0.12,
    },
    header: { labelColor: ink, titleColor: ink },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
  };
}

/**
 * Draws a Vega-Lite specification as SVG. Vega is loaded on the first call. Throws INTERNAL when Vega refuses the
 * specification.
 */
export async function renderSvg(spec: Spec, surface: Surface): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  (vega as unknown as { textMetrics: { width: typeof textWidth } }).textMetrics.width = textWidth;
  try {
    const compiled = vegaLite.compile(spec as unknown as TopLevelSpec, {
      config: configFor(surface),
      logger: vega.logger(vega.Error),
    });
    const view = new vega.View(vega.parse(compiled.spec), {
      renderer: 'none',
      logger: vega.logger(vega.Error),
    });
    try {
      vega.resetSVGDefIds();
      return await view.toSVG();
    } finally {
      view.finalize();
    }
  } catch (error) {
    throw new PriomeshError('INTERNAL', `a chart cannot be drawn: ${messageOf(error)}`, { cause: error });
  }
}

/** Prepares a drawing for a page that holds several: ids of its own, a description for those who do not see it. */
export function inlineSvg(svg: string, id: string, alt: string): string {
  const described = svg
    .replace(/\b(id="|url\(#|href="#)/g, `$1${id}-`)
    .replaceAll('fill="white"', 'fill="var(--paper, white)"')
    .replace(/^<svg /, `<svg role="img" aria-label="${escapeAttribute(alt)}" `);
  return described;
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
