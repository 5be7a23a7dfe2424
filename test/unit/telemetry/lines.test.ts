import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFileLine } from '../../../src/telemetry/index.ts';

describe('a line of a file', () => {
  it('is read where it says something of interest', () => {
    const links = {
      event: 'links',
      timeMs: 5,
      links: [
        {
          link: 's1>s2',
          utilization: 0.9,
          classes: { batch: { level: 1, queueingDelayMs: 40, utilization: 0.8, lossRatio: 0.01 } },
        },
      ],
    };
    expect(parseFileLine(JSON.stringify(links))).toEqual({
      ...links,
      links: [{ ...links.links[0], classes: new Map(Object.entries(links.links[0]?.classes ?? {})) }],
    });
    const move = {
      event: 'move',
      timeMs: 7,
      owner: 'sidecar',
      class: 'batch',
      peer: '10.0.0.4',
      from: 'primary',
      to: 'secondary',
      reason: 'congested',
    };
    expect(parseFileLine(JSON.stringify({ ...move, service: 'shop' }))).toEqual(move);
    const { peer: _, ...ofController } = { ...move, owner: 'controller' };
    expect(parseFileLine(JSON.stringify(ofController))).toEqual({ ...ofController, peer: '' });
    const hint = { event: 'hint', timeMs: 1, link: 's1>s2', class: 'batch', congested: true, level: 0.8 };
    expect(parseFileLine(JSON.stringify(hint))).toEqual(hint);
    const lost = { event: 'lost', timeMs: 9, what: 'northbound' };
    expect(parseFileLine(JSON.stringify(lost))).toEqual(lost);
    const statistics = {
      event: 'statistics',
      timeMs: 3,
      inbound: { classes: { batch: { requests: 4, queued: 1 } } },
    };
    expect(parseFileLine(JSON.stringify(statistics))).toEqual({
      event: 'statistics',
      timeMs: 3,
      classes: new Map([['batch', { requests: 4, inFlight: 0, queued: 1 }]]),
    });
  });

  it.each(['', '{', 'null', '7', '[]', '{"event":"statistics-full","limitBytes":1}', '{"event":7}'])(
    'is left out where it is %j',
    (text) => expect(parseFileLine(text)).toBeUndefined(),
  );

  it('never makes it fail, and has only sound numbers', () => {
    const event = fc.constantFrom('statistics', 'links', 'hint', 'move', 'lost', 'found');
    const members = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(event, members, fc.array(fc.jsonValue()), members, (name, rest, links, classes) => {
        const line = { ...rest, event: name, links, inbound: { classes } };
        const parsed = parseFileLine(JSON.stringify(line));
        expect(parsed?.timeMs).toBeGreaterThanOrEqual(0);
        if (parsed?.event !== 'links') return;
        for (const { utilization } of parsed.links) expect(utilization).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is cut to what can be shown', () => {
    const classes = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`c${at}`, {}]));
    const links = Array.from({ length: 1000 }, () => ({ link: 'x'.repeat(1000), classes }));
    const parsed = parseFileLine(JSON.stringify({ event: 'links', timeMs: -1, links }));
    expect(parsed).toMatchObject({ event: 'links', timeMs: 0 });
    if (parsed?.event !== 'links') throw new Error('no links');
    expect(parsed.links).toHaveLength(256);
    expect(parsed.links[0]?.link).toHaveLength(64);
    expect(parsed.links[0]?.classes.size).toBe(16);
  });
});
