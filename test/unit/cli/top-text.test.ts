import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameLines, type Paper } from '../../../src/cli/top-text.ts';
import type { Frame, LinkRow, LiveEvent, ServiceRow } from '../../../src/telemetry/index.ts';

const NOW = Date.UTC(2026, 0, 2, 13, 5, 22, 500);

function service(over: Partial<ServiceRow>): ServiceRow {
  return {
    service: 'shop',
    of: 'requests',
    class: 'interactive',
    perSecond: 62.14,
    failedPerSecond: 0,
    p50Ms: 18.26,
    p99Ms: 44.04,
    waitP99Ms: 0.2,
    inFlight: 3,
    queued: 0,
    path: '',
    ...over,
  };
}

function link(name: string, level: number): LinkRow {
  return {
    link: name,
    utilization: 0.98,
    classes: [
      { class: 'interactive', level: 0.5, queueingDelayMs: 2.5, utilization: 0.31, lossRatio: 0 },
      { class: 'batch', level, queueingDelayMs: 40.25, utilization: 0.5, lossRatio: 0.014 },
    ],
  };
}

function event(over: Partial<LiveEvent>): LiveEvent {
  return { wallMs: NOW, what: 'hint', where: 's1>s2', class: 'batch', text: 'congested', bad: true, ...over };
}

const FRAME: Frame = {
  run: {
    experiment: 'reroute',
    form: 'quick',
    trials: 12,
    services: ['shop', 'catalog'],
    classes: ['interactive', 'batch'],
    congestedLevel: 0.7,
    calmLevel: 0.4,
  },
  trial: {
    name: '002-sidecars-0-again1',
    number: 3,
    arm: 'sidecars',
    block: 1,
    attempt: 2,
    beganMs: NOW - 12_000,
    sidecars: ['sidecar-shop', 'sidecar-catalog'],
  },
  wallMs: NOW,
  windowMs: 5000,
  services: [
    service({}),
    service({ class: 'batch', perSecond: 3.2, p50Ms: 820.1, p99Ms: 1900.2, queued: 2, path: 'secondary' }),
    service({ service: 'catalog', failedPerSecond: 1.25, inFlight: undefined, queued: undefined }),
    service({ service: 'catalog', of: 'messages', class: 'batch', p50Ms: undefined, p99Ms: undefined }),
  ],
  links: [link('s1>s2', 0.93), link('s2>s1', 0)],
  linksAgeMs: 90,
  events: [
    event({
      what: 'move',
      where: 'shop',
      text: 'primary -> secondary towards 10.0.0.4, congested',
      bad: false,
    }),
    event({ wallMs: NOW - 70, text: 'congested, level 0.93' }),
    event({ wallMs: NOW - 5000, what: 'lost', where: 'northbound', class: '', text: '' }),
    event({ wallMs: NOW - 12_000, what: 'trial', where: '3 of 12', class: '', text: 'sidecars', bad: false }),
  ],
  missed: 0,
};

const ENDLESS: Paper = {
  columns: Number.POSITIVE_INFINITY,
  rows: Number.POSITIVE_INFINITY,
  colour: false,
};

const text = (frame: Frame, paper: Partial<Paper> = {}): string =>
  frameLines(frame, { ...ENDLESS, ...paper }).join('\n');

describe('a frame', () => {
  it('shows the trial, its services, links and events', () => {
    expect(text(FRAME)).toMatchInlineSnapshot(`
      "reroute  quick  13:05:22  rates and quantiles of the last 5 s
      trial 3 of 12  arm sidecars  block 1  attempt 2  for 12 s

      service     of        class          per s    p50 ms    p99 ms  in flight  queue  wait p99 ms  failed/s  path
      shop        requests  interactive     62.1      18.3      44.0          3      0          0.2       0.0  -
                            batch            3.2     820.1    1900.2          3      2          0.2       0.0  secondary
      catalog     requests  interactive     62.1      18.3      44.0          -      -          0.2       1.3  -
                  messages  batch           62.1         -         -          3      0          0.2       0.0  -

      link        class                           used                    level  delay ms   lost
      s1>s2       all          ████████████████   98 %
                  interactive  █████░░░░░░░░░░░   31 %  ████████░░░░░░░░   0.50       2.5  0.0 %
                  batch        ████████░░░░░░░░   50 %  ███████████████░   0.93      40.3  1.4 %
      s2>s1       all          ████████████████   98 %
                  interactive  █████░░░░░░░░░░░   31 %  ████████░░░░░░░░   0.50       2.5  0.0 %
                  batch        ████████░░░░░░░░   50 %  ░░░░░░░░░░░░░░░░   0.00      40.3  1.4 %

      time (UTC)    event  where       class   what
      13:05:22.500  move   shop        batch   primary -> secondary towards 10.0.0.4, congested
      13:05:22.430  hint   s1>s2       batch   congested, level 0.93
      13:05:17.500  lost   northbound  -
      13:05:10.500  trial  3 of 12     -       sidecars"
    `);
  });

  it('shows not all events where there is no end of lines', () => {
    const events = Array.from({ length: 100 }, () => event({ text: 'again' }));
    expect(text({ ...FRAME, events }).match(/again/g)).toHaveLength(20);
  });

  it('leaves out columns that say nothing', () => {
    const plain = { ...FRAME, services: [service({})], links: [], events: [] };
    expect(text(plain)).toMatchInlineSnapshot(`
      "reroute  quick  13:05:22  rates and quantiles of the last 5 s
      trial 3 of 12  arm sidecars  block 1  attempt 2  for 12 s

      service     class          per s    p50 ms    p99 ms  in flight  queue  wait p99 ms  failed/s
      shop        interactive     62.1      18.3      44.0          3      0          0.2       0.0"
    `);
  });

  it('fits on a small terminal: less important columns and lines go first', () => {
    expect(text(FRAME, { columns: 60, rows: 18 })).toMatchInlineSnapshot(`
      "reroute  quick  13:05:22  rates and quantiles of the last 5…
      trial 3 of 12  arm sidecars  block 1  attempt 2  for 12 s

      service     class          per s    p50 ms    p99 ms  queue
      shop        interactive     62.1      18.3      44.0      0
                  batch            3.2     820.1    1900.2      2
      ... and 2 more

      link        class         used  level  delay ms   lost
      s1>s2       all           98 %
                  interactive   31 %   0.50       2.5  0.0 %
                  batch         50 %   0.93      40.3  1.4 %
      ... and 3 more

      time (UTC)    event  where       class   what
      13:05:22.500  move   shop        batch   primary -> seconda…
      13:05:22.430  hint   s1>s2       batch   congested, level 0…
      13:05:17.500  lost   northbound  -"
    `);
  });

  it('says that there is nothing to show', () => {
    const between = { ...FRAME, trial: undefined, services: [], links: [], events: [], missed: 3 };
    expect(text(between)).toMatchInlineSnapshot(
      `"reroute  quick  13:05:22  no trial is running  3 events missed"`,
    );
    const bare = { ...FRAME, services: [], links: [], events: [] };
    const { trial } = FRAME;
    if (trial === undefined) throw new Error('no trial');
    expect(text({ ...bare, trial: { ...trial, sidecars: [] } })).toContain('no sidecar is there');
  });

  it('says how old the state of the links is, when nobody tells it any more', () => {
    expect(text({ ...FRAME, linksAgeMs: 3400 })).toContain('the links were last heard of 3 s ago');
    expect(text(FRAME)).not.toContain('last heard');
  });

  it('has colours for classes and for what is wrong, and only where they are wanted', () => {
    const coloured = text(FRAME, { colour: true, columns: 120 });
    expect(coloured).toContain('\u001b[36minteractive');
    expect(coloured).toContain('\u001b[33mbatch');
    expect(coloured).toContain('\u001b[31m 0.93');
    expect(coloured).toContain('\u001b[33m 0.50');
    expect(
      stripVTControlCharacters(coloured)
        .split('\n')
        .map((line) => line.trimEnd())
        .join('\n'),
    ).toBe(text(FRAME, { columns: 120 }));
  });

  it('shows nothing that a terminal would obey', () => {
    const odd = '\u001b]0;owned\u0007\u202e';
    const { run } = FRAME;
    const frame = {
      ...FRAME,
      run: { ...run, experiment: odd },
      services: [service({ service: odd, class: odd, path: odd })],
      links: [{ ...link(odd, 1), link: odd }],
      events: [event({ where: odd, class: odd, text: odd })],
    };
    for (const one of ['\u001b', '\u0007', '\u202e']) expect(text(frame)).not.toContain(one);
    expect(text(frame)).toContain('\\u001b]0;owned\\u0007');
  });

  it('is never wider or longer than the terminal', () => {
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 200 }),
      rows: fc.integer({ min: 1, max: 60 }),
    });
    const many = fc.record({
      services: fc.nat(40),
      links: fc.nat(40),
      events: fc.nat(80),
      colour: fc.boolean(),
    });
    const repeated = <One>(one: readonly One[], count: number): One[] =>
      Array.from({ length: count }, (_, at) => one[at % one.length] as One);
    fc.assert(
      fc.property(size, many, ({ columns, rows }, { services, links, events, colour }) => {
        const frame = {
          ...FRAME,
          services: repeated(FRAME.services, services),
          links: repeated(FRAME.links, links),
          events: repeated(FRAME.events, events),
        };
        const lines = frameLines(frame, { columns, rows, colour });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns);
        if (events > 0 && rows >= 20 && columns >= 40) expect(lines.join('')).toContain('time (UTC)');
      }),
    );
  });
});
