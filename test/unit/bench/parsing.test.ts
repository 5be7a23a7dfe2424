import { describe, expect, it } from 'vitest';
import { parseRequests } from '../../../bench/open-loop.ts';
import { parseOptions } from '../../../bench/options.ts';
import { parseSmapsRollup, parseStat } from '../../../bench/proc.ts';
import { parseWrk } from '../../../bench/wrk.ts';

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

describe('parseRequests', () => {
  const header = 'id,class,workload,phase,intended_ms,sent_ms,first_byte_ms,end_ms,status,bytes,error,late';

  it('counts latency from the intended send time, of the measured phase only', () => {
    const rows = [
      '0,interactive,steady,warmup,0.000,0.000,50.000,90.000,200,200,,1',
      '1,interactive,steady,measure,10.000,13.000,13.500,14.000,200,200,,1',
      '2,interactive,steady,measure,20.000,20.100,21.000,22.000,200,200,,0',
    ];
    expect(parseRequests(`${[header, ...rows].join('\n')}\n`)).toEqual({
      requests: 2,
      errors: 0,
      late: 1,
      p50Ms: 3,
      p99Ms: expect.closeTo(3.98, 9),
    });
  });

  it('counts refusals and failures as errors and leaves them out of the quantiles', () => {
    const rows = [
      '1,interactive,steady,measure,10.000,10.000,10.500,11.000,200,200,,0',
      '2,interactive,steady,measure,20.000,20.000,20.100,20.200,503,10,,0',
      '3,interactive,steady,measure,30.000,30.000,,,0,0,timeout,0',
    ];
    const result = parseRequests([header, ...rows].join('\n'));
    expect(result).toMatchObject({ requests: 3, errors: 2, p50Ms: 1, p99Ms: 1 });
  });

  it('refuses another table', () => {
    expect(() => parseRequests('a,b\n1,2\n')).toThrow(/no column phase/);
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
      jsonFile: 'out.json',
      settings: { rounds: 2, seconds: 7, latencyMs: 7000 },
    });
  });

  it.each([[['--rounds', '0']], [['--seconds', '1.5']], [['--rounds', '101']], [['--fast']], [['extra']]])(
    'refuses %j',
    (argv) => {
      expect(() => parseOptions(argv)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});
