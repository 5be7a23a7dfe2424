import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/index.ts';
import type { MessageLine, RequestLine } from '../../../src/sidecar/index.ts';
import { LiveView, type WatchedRun, type WatchedTrial } from '../../../src/telemetry/index.ts';

const RUN: WatchedRun = {
  experiment: 'reroute',
  form: 'quick',
  trials: 12,
  services: ['shop', 'catalog'],
  classes: ['interactive', 'batch'],
  congestedLevel: 0.7,
  calmLevel: 0.4,
};

const TRIAL: WatchedTrial = {
  name: '002-sidecars-0',
  number: 3,
  arm: 'sidecars',
  block: 1,
  attempt: 1,
  beganMs: 0,
  sidecars: ['sidecar-catalog-2', 'sidecar-catalog', 'sidecar-shop'],
};

let nowMs = 0;
const clock: Clock = {
  nowMs: () => nowMs,
  wallMs: () => nowMs + 1_000_000,
  sleep: () => Promise.reject(new Error('nobody sleeps here')),
};
let view: LiveView;

beforeEach(() => {
  nowMs = 10_000;
  view = new LiveView(RUN, clock);
  view.enter(TRIAL);
  for (const one of TRIAL.sidecars) view.listening(one, true);
});

function request(over: Partial<RequestLine> = {}): RequestLine {
  return {
    event: 'request',
    timeMs: 0,
    service: 'shop',
    side: 'inbound',
    class: 'interactive',
    reason: 'wire',
    to: '',
    method: 'GET',
    path: '/',
    status: 200,
    queueWaitMs: 1,
    tookMs: 10,
    outcome: 'completed',
    code: '',
    ...over,
  };
}

function message(over: Partial<MessageLine>): MessageLine {
  return {
    event: 'message',
    timeMs: 0,
    service: 'shop',
    action: 'deliver',
    class: 'batch',
    reason: 'wire',
    exchange: '',
    routingKey: 'jobs',
    queue: 'jobs',
    priority: 1,
    bodyBytes: 1,
    queueWaitMs: 5,
    tookMs: null,
    outcome: 'unsettled',
    ...over,
  };
}

const statistics = (requests: number, queued = 0, inFlight = 0) =>
  ({
    event: 'statistics',
    timeMs: nowMs,
    classes: new Map([['batch', { requests, queued, inFlight }]]),
  }) as const;

const row = (service: string, className: string, of = 'requests') =>
  view.frame().services.find((one) => one.service === service && one.class === className && one.of === of);

describe('a view of services', () => {
  it('has a row for each sidecar and class from the beginning, in the order of graph and policy', () => {
    expect(view.frame().services.map((one) => `${one.service} ${one.class} ${one.perSecond}`)).toEqual(
      ['shop', 'catalog', 'catalog-2'].flatMap((one) => [`${one} interactive 0`, `${one} batch 0`]),
    );
  });

  it('counts requests that came in, and what failed apart from what did not', () => {
    for (let at = 1; at <= 100; at += 1) {
      nowMs += 10;
      view.tapLine('sidecar-shop', request({ tookMs: at, queueWaitMs: at / 10 }));
    }
    view.tapLine('sidecar-shop', request({ side: 'outbound', to: 'catalog' }));
    view.tapLine(
      'sidecar-shop',
      request({ status: 503, outcome: 'answered', tookMs: 9999, queueWaitMs: null }),
    );
    view.tapLine('sidecar-shop', request({ status: null, outcome: 'caller-gone', queueWaitMs: null }));
    expect(row('shop', 'interactive')).toMatchObject({ p50Ms: 50, p99Ms: 99, waitP99Ms: 9.9 });
    expect(row('shop', 'interactive')?.perSecond).toBeCloseTo(102);
    expect(row('shop', 'interactive')?.failedPerSecond).toBeCloseTo(2);
    expect(row('shop', 'batch')).toMatchObject({ perSecond: 0, p50Ms: undefined });
  });

  it('shows messages in rows of their own, and what has no class last', () => {
    nowMs += 1000;
    view.tapLine('sidecar-shop', message({ class: null }));
    view.tapLine('sidecar-shop', message({}));
    view.tapLine('sidecar-shop', message({ action: 'publish', class: 'interactive' }));
    view.tapLine('sidecar-shop', message({ action: 'settle', outcome: 'acked', tookMs: 30, queueWaitMs: 7 }));
    view.tapLine(
      'sidecar-shop',
      message({ action: 'settle', outcome: 'requeued', tookMs: 99, queueWaitMs: 7 }),
    );
    const rows = view.frame().services.filter((one) => one.of === 'messages');
    expect(rows.map((one) => one.class)).toEqual(['batch', '-']);
    expect(rows[0]).toMatchObject({
      perSecond: 1,
      p99Ms: 30,
      waitP99Ms: 5,
      failedPerSecond: 1,
      queued: undefined,
    });
  });

  it('takes queues from the statistics, and the rate too while nobody listens', () => {
    view.fileLine('sidecar-catalog', statistics(100, 4, 9));
    nowMs += 500;
    view.fileLine('sidecar-catalog', statistics(150, 7, 12));
    expect(row('catalog', 'batch')).toMatchObject({ queued: 7, inFlight: 12, perSecond: 0 });
    view.listening('sidecar-catalog', false);
    expect(row('catalog', 'batch')?.perSecond).toBe(100);
    expect(row('catalog', 'batch')?.p50Ms).toBeUndefined();
  });

  it('knows nothing of a trial any more when the next one begins, but its events', () => {
    view.tapLine('sidecar-shop', request());
    view.fileLine(undefined, { event: 'links', timeMs: nowMs, links: [] });
    view.fileLine(undefined, { event: 'lost', timeMs: nowMs, what: 'northbound' });
    view.enter(undefined);
    expect(view.frame()).toMatchObject({ trial: undefined, services: [], linksAgeMs: undefined });
    nowMs += 1000;
    view.enter({ ...TRIAL, name: '003-both-0', number: 4, arm: 'both', sidecars: ['sidecar-shop'] });
    expect(view.frame().services.map((one) => one.perSecond)).toEqual([0, 0]);
    expect(view.frame().events.map((one) => `${one.what} ${one.where} ${one.text}`.trim())).toEqual([
      'trial 4 of 12 both',
      'lost northbound',
      'trial 3 of 12 sidecars',
    ]);
    view.tapLine('sidecar-catalog', request());
    expect(view.frame().services).toHaveLength(2);
  });

  it('counts what a tap could not tell', () => {
    view.tapLine('sidecar-shop', { event: 'dropped', timeMs: 0, service: 'shop', count: 12 });
    expect(view.frame().missed).toBe(12);
  });
});

describe('a view of the network', () => {
  const move = {
    event: 'move',
    class: 'batch',
    from: 'primary',
    to: 'secondary',
    reason: 'congested',
  } as const;

  it('shows the newest state of the links, with its age, and classes by rank', () => {
    const one = { level: 0.5, queueingDelayMs: 3, utilization: 0.2, lossRatio: 0 };
    const classes = new Map([
      ['batch', one],
      ['interactive', one],
    ]);
    view.fileLine(undefined, {
      event: 'links',
      timeMs: nowMs,
      links: [{ link: 's1>s2', utilization: 0.4, classes }],
    });
    nowMs += 300;
    expect(view.frame()).toMatchObject({
      linksAgeMs: 300,
      links: [{ link: 's1>s2', utilization: 0.4, classes: [{ class: 'interactive' }, { class: 'batch' }] }],
    });
  });

  it('lists hints and moves by their own times, the newest first', () => {
    view.fileLine('sidecar-shop', { ...move, timeMs: 10_300, owner: 'sidecar', peer: '10.0.0.2' });
    view.fileLine(undefined, {
      event: 'hint',
      timeMs: 10_200,
      link: 's1>s2',
      class: 'batch',
      congested: true,
      level: 0.912,
    });
    nowMs = 60_000;
    expect(view.frame().events.slice(0, 2)).toEqual([
      {
        wallMs: 1_010_300,
        what: 'move',
        where: 'shop',
        class: 'batch',
        text: 'primary -> secondary, congested, towards 10.0.0.2',
        bad: false,
      },
      {
        wallMs: 1_010_200,
        what: 'hint',
        where: 's1>s2',
        class: 'batch',
        text: 'congested, level 0.91',
        bad: true,
      },
    ]);
  });

  it('makes one event of a move towards several hosts at once', () => {
    const moved = (timeMs: number, peer: string, over = {}): void =>
      view.fileLine('sidecar-shop', { ...move, timeMs, owner: 'sidecar', peer, ...over });
    for (let at = 0; at < 6; at += 1) moved(10_300 + at, `10.0.0.${at}`);
    moved(10_310, '10.0.0.1', { class: 'interactive' });
    moved(10_320, '10.0.0.1', { class: 'interactive', to: 'third' });
    moved(10_290, '10.0.0.9');
    moved(12_000, '10.0.0.1');
    moved(12_001, '10.0.0.2');
    const events = view.frame().events.filter((one) => one.what === 'move');
    expect(events.map((one) => `${one.class} ${one.text}`)).toEqual([
      'batch primary -> secondary, congested, towards 10.0.0.1, 10.0.0.2',
      'interactive primary -> third, congested, towards 10.0.0.1',
      'interactive primary -> secondary, congested, towards 10.0.0.1',
      'batch primary -> secondary, congested, towards 7 addresses',
    ]);
  });

  it('says on which path the packets of a class are, whoever moved them', () => {
    expect(row('shop', 'batch')?.path).toBe('');
    view.fileLine('sidecar-shop', { ...move, timeMs: 1, owner: 'sidecar', peer: '10.0.0.2' });
    expect(row('shop', 'batch')?.path).toBe('secondary');
    expect(row('catalog', 'batch')?.path).toBe('');
    view.fileLine('sidecar-shop', { ...move, timeMs: 2, owner: 'sidecar', peer: '10.0.0.3', to: 'primary' });
    expect(row('shop', 'batch')?.path).toBe('primary+secondary');
    view.fileLine(undefined, { ...move, timeMs: 3, owner: 'controller', peer: '', class: 'interactive' });
    expect(row('catalog', 'interactive')?.path).toBe('secondary');
    expect(row('catalog', 'batch')?.path).toBe('');
  });

  it('stays bounded, whatever comes', () => {
    for (let at = 0; at < 5000; at += 1) {
      view.fileLine('sidecar-shop', {
        ...move,
        timeMs: at,
        owner: 'sidecar',
        peer: `10.0.0.${at}`,
        to: `path-${at}`,
      });
      view.tapLine('sidecar-shop', request({ class: `class-${at}` }));
      view.fileLine(undefined, { ...move, timeMs: at, owner: 'controller', peer: '', class: `class-${at}` });
    }
    view.enter({ ...TRIAL, sidecars: Array.from({ length: 500 }, (_, at) => `sidecar-s${at}`) });
    const frame = view.frame();
    expect(frame.events).toHaveLength(200);
    expect(frame.services.filter((one) => one.service === 'shop')).toHaveLength(32);
    expect(frame.services.length).toBeLessThan(300);
  });
});
