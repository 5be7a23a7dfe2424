import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishResults } from '../../../src/publish/index.ts';
import { writeSyntheticResults } from '../../support/synthetic-results.ts';

const CHROMIUM = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

let folder: string;
let url: string;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'priomesh-page-'));
  await writeSyntheticResults(folder, { voidTrial: true, limited: true, control: true });
  url = pathToFileURL((await publishResults(folder)).page).href;
  browser = await chromium.launch(CHROMIUM);
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the page and hands it on, with everything that it complained of or asked for. */
async function look<T>(
  options: { width: number; colorScheme: 'light' | 'dark' },
  see: (page: Page, seen: { complaints: string[]; requests: string[] }) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({
    viewport: { width: options.width, height: 900 },
    colorScheme: options.colorScheme,
  });
  try {
    const page = await context.newPage();
    const seen = { complaints: [] as string[], requests: [] as string[] };
    page.on('console', (message) => seen.complaints.push(message.text()));
    page.on('pageerror', (error) => seen.complaints.push(error.message));
    page.on('request', (request) => seen.requests.push(request.url()));
    await page.goto(url);
    return await see(page, seen);
  } finally {
    await context.close();
  }
}

describe('the page in Chromium', () => {
  it.each([
    [1100, 'light'],
    [1100, 'dark'],
    [390, 'light'],
    [390, 'dark'],
    [320, 'light'],
  ] as const)(
    'at %d px, %s: complains of nothing, asks the network for nothing, does not scroll sideways',
    async (width, colorScheme) => {
      await look({ width, colorScheme }, async (page, seen) => {
        const { scroll, inner } = await page.evaluate<{ scroll: number; inner: number }>(
          '({ scroll: document.documentElement.scrollWidth, inner: window.innerWidth })',
        );
        expect(scroll).toBeLessThanOrEqual(inner);
        expect(seen.complaints).toEqual([]);
        expect(seen.requests.filter((request) => !request.startsWith('data:'))).toEqual([url]);
      });
    },
  );

  it.each([
    [1100, 'wide'],
    [390, 'narrow'],
  ] as const)('at %d px shows each figure once, whole, described and not shrunk', async (width, room) => {
    await look({ width, colorScheme: 'light' }, async (page) => {
      const figures = await page.$$eval('figure', (all) =>
        all.map((figure) => {
          const shown = [...figure.querySelectorAll('svg')].filter(
            (svg) => svg.getBoundingClientRect().width > 0,
          );
          const [svg] = shown;
          return {
            count: shown.length,
            room: svg?.parentElement?.className,
            role: svg?.getAttribute('role'),
            label: svg?.getAttribute('aria-label') ?? '',
            drawnWidth: svg?.getBoundingClientRect().width ?? 0,
            ownWidth: Number(svg?.getAttribute('width')),
            caption: figure.querySelector('figcaption')?.textContent ?? '',
          };
        }),
      );
      expect(figures.length).toBe(6);
      for (const one of figures) {
        expect(one).toMatchObject({ count: 1, room, role: 'img' });
        expect(one.label.length).toBeGreaterThan(60);
        expect(one.drawnWidth).toBeGreaterThanOrEqual(one.ownWidth - 1);
        expect(one.caption).toContain('Degraded: layer transport in transport, all');
        expect(one.caption).toContain('1 void trial left out.');
      }
    });
  });

  it('has one title, headings without gaps, tables with heads, and ids that are unique', async () => {
    await look({ width: 1100, colorScheme: 'light' }, async (page) => {
      expect(await page.title()).toBe('Cross-layer priorities in a service mesh');
      const levels = await page.$$eval('h1, h2, h3, h4', (all) =>
        all.map((heading) => Number(heading.tagName[1])),
      );
      expect(levels.filter((level) => level === 1).length).toBe(1);
      for (const [index, level] of levels.entries())
        expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
      expect(
        await page.$$eval('table', (all) => all.map((table) => table.querySelectorAll('thead th').length)),
      ).toEqual([9, 9]);
      const ids = await page.$$eval('[id]', (all) => all.map((element) => element.id));
      expect(new Set(ids).size).toBe(ids.length);
      expect(await page.$$eval('html', ([html]) => html?.lang)).toBe('en');
      expect(await page.$$eval('script', (all) => all.length)).toBe(0);
    });
  });

  it.each(['light', 'dark'] as const)('has text of enough contrast, %s', async (colorScheme) => {
    await look({ width: 1100, colorScheme }, async (page) => {
      const inks = await page.evaluate<{ what: string; ink: string; drawn: boolean }[]>(`
        [...document.querySelectorAll('body, .about, figcaption, .verdict, a, td span, th, svg text')].map((element) => {
          const drawn = element instanceof SVGElement;
          const style = getComputedStyle(element);
          return { what: element.textContent.slice(0, 40), drawn, ink: drawn ? style.fill : style.color };
        })`);
      const [ink, paper] = await page.evaluate<[string, string]>(
        '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
      );
      expect(inks.length).toBeGreaterThan(100);
      for (const text of inks) {
        // A name beside its curve has the curve's colour; the legend repeats it in full contrast.
        const least = text.drawn && text.ink !== ink ? 3 : 4.5;
        expect(contrast(text.ink, paper), `${text.what} ${text.ink} on ${paper}`).toBeGreaterThanOrEqual(
          least,
        );
      }
    });
  });
});

/** Contrast ratio of WCAG 2.1, of two colours as Chromium computes them. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) =>
    (colour.match(/[\d.]+/g) ?? [])
      .slice(0, 3)
      .map((part) => Number(part) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, index) => sum + part * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0);
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}
