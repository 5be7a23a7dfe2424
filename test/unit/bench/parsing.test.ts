import { describe, expect, it } from 'vitest';
import { parseH2load } from '../../../bench/loads/h2load.ts';
import { parseWrk } from '../../../bench/loads/wrk.ts';
import { parseOptions } from '../../../bench/options.ts';
import { parseSmapsRollup, parseStat } from '../../../bench/proc.ts';

const WRK = `Running 2s test @ http://127.0.0.1:18971/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   801.26us  252.05us   6.99ms   91.02%
    Req/Sec    80.94k     3.11k   84.66k    85.00%
  161835 requests in 2.01s, 53.86MB read
Requests/sec:  80514.41
Transfer/sec:     26.80MB
`;

describe('parseWrk', () => {
  it('reads requests and duration', () => {
    expect(parseWrk(WRK)).toEqual({ requests: 161_835, durationMs: expect.closeTo(2010, 6), errors: 0 });
  });

  it('adds up errors of sockets and statuses', () => {
    const errors =
      '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\n';
    expect(parseWrk(WRK.replace('Requests/sec', `${errors}Requests/sec`)).errors).toBe(54_321);
  });

  it.each([
    ['850.00ms', 850],
    ['1.50m', 90_000],
    ['12.00us', 0.012],
  ])('reads a duration of %s', (text, ms) => {
    expect(parseWrk(WRK.replace('2.01s', text)).durationMs).toBeCloseTo(ms, 9);
  });

  it('refuses what is no summary', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).toThrow(
      /no summary: unable/,
    );
  });
});

describe('parseStat', () => {
  const rest =
    'S 1 812 812 0 -1 4194304 1403 0 2 0 120 34 7 9 20 0 11 0 9876 1073741824 9000 18446744073709551615';

  it('adds user and system time, without that of children', () => {
    expect(parseStat(`812 (node) ${rest}`)).toEqual({ parentPid: 1, cpuTicks: 154 });
  });

  it('is not misled by a command with blanks and parentheses', () => {
    expect(parseStat(`812 (a) S 99 (b) ${rest}`)).toEqual({ parentPid: 1, cpuTicks: 154 });
  });

  it('refuses what is no line of stat', () => {
    expect(() => parseStat('')).toThrow(/stat/);
  });
});

describe('parseSmapsRollup', () => {
  const text = `00400000-7fff00000000 ---p 00000000 00:00 0    [rollup]
Rss:               40084 kB
Pss:               18250 kB
Anonymous:          7012 kB
LazyFree:              0 kB
`;

  it('reads resident and anonymous memory', () => {
    expect(parseSmapsRollup(text)).toEqual({ rssBytes: 40_084 * 1024, anonymousBytes: 7012 * 1024 });
  });

  it('refuses a rollup without one of them', () => {
    expect(() => parseSmapsRollup(text.replace('Anonymous', 'Other'))).toThrow(/Anonymous/);
  });
});

describe('parseH2load', () => {
  const text = `finished in 2.00s, 208956.00 req/s, 33.28MB/s
requests: 417912 total, 417976 started, 417912 done, 417900 succeeded, 10 failed, 8 errored, 2 timeout
status codes: 417900 2xx, 0 3xx, 0 4xx, 12 5xx
`;

  it('reads requests with success, duration, and what failed', () => {
    expect(parseH2load(text)).toEqual({ requests: 417_900, durationMs: 2000, errors: 12 });
  });

  it.each([
    ['850.00ms', 850],
    ['1.50m', 90_000],
  ])('reads a duration of %s', (duration, ms) => {
    expect(parseH2load(text.replace('2.00s', duration)).durationMs).toBeCloseTo(ms, 9);
  });

  it('refuses a run in which nothing succeeded, and what is no summary', () => {
    expect(() => parseH2load(text.replace('417900 succeeded', '0 succeeded'))).toThrow(/no response/);
    expect(() => parseH2load('')).toThrow(/no summary/);
  });
});

describe('parseOptions', () => {
  it('is shorter with --quick, and each length can be chosen', () => {
    const long = parseOptions([]).settings;
    const quick = parseOptions(['--quick']).settings;
    expect(quick.rounds).toBeGreaterThanOrEqual(3);
    expect(quick.seconds).toBeLessThan(long.seconds);
    const chosen = parseOptions(['--rounds', '2', '--seconds', '7', '--json', 'out.json']);
    expect(chosen).toMatchObject({
      mode: 'compare',
      jsonFile: 'out.json',
      settings: { rounds: 2, seconds: 7, latencyMs: 7000 },
    });
  });

  it('measures what is asked for, in its own order', () => {
    const argv = ['--only', 'start,http1', '--connections', '512,1,1', '--rows', 'sidecar,direct'];
    expect(parseOptions(argv).settings).toMatchObject({
      parts: ['http1', 'start'],
      connections: [1, 512],
      rows: ['sidecar', 'direct'],
    });
    expect(parseOptions(['--endurance']).mode).toBe('endurance');
    expect(parseOptions(['--chart', 'a.svg']).chartFile).toBe('a.svg');
  });

  it.each([
    [['--rounds', '0']],
    [['--seconds', '1.5']],
    [['--rounds', '101']],
    [['--fast']],
    [['extra']],
    [['--only', 'http1,http3']],
    [['--connections', '64,']],
    [['--connections', '4096']],
    [['--amqp', '--endurance']],
    [['--chart', 'a.png']],
    [['--amqp', '--chart', 'a.svg']],
  ])('refuses %j', (argv) => {
    expect(() => parseOptions(argv)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
