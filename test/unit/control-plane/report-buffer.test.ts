import { describe, expect, it } from 'vitest';
import { ReportBuffer } from '../../../src/control-plane/report-buffer.ts';
import { CONTROL_LIMITS } from '../../../src/control-protocol/index.ts';
import { dualPath, hintAbout } from './support.ts';

describe('what waits to be reported', () => {
  it('is the newest topology and the newest hint of each link, the topology first', () => {
    const buffer = new ReportBuffer();
    buffer.hints([hintAbout('s1>s2', 1), hintAbout('s1>s3', 1)], 0);
    buffer.hints([hintAbout('s1>s2', 2)], 100);
    buffer.topology({ ...dualPath(), epoch: 1 });
    buffer.topology({ ...dualPath(), epoch: 2 });
    expect(buffer.take(200)?.topology?.epoch).toBe(2);
    expect(
      buffer.take(200)?.hints?.hints.map(({ link, sequence, ttlMs }) => [link, sequence, ttlMs]),
    ).toEqual([
      ['s1>s2', 2, 900],
      ['s1>s3', 1, 800],
    ]);
    expect(buffer.take(200)).toBeUndefined();
    expect(buffer.hintsReplaced).toBe(1);
  });

  it('leaves out hints whose time has passed', () => {
    const buffer = new ReportBuffer();
    buffer.hints([hintAbout('s1>s2', 1, { ttlMs: 50 }), hintAbout('s1>s3', 1)], 0);
    expect(buffer.take(50)?.hints?.hints.map(({ link }) => link)).toEqual(['s1>s3']);
    buffer.hints([hintAbout('s1>s2', 2, { ttlMs: 50 })], 50);
    expect(buffer.take(100)).toBeUndefined();
    expect(buffer.hintsReplaced).toBe(2);
  });

  it('tells a new stream the topology again', () => {
    const buffer = new ReportBuffer();
    buffer.restart();
    expect(buffer.take(0)).toBeUndefined();
    buffer.topology(dualPath());
    buffer.take(0);
    expect(buffer.take(0)).toBeUndefined();
    buffer.restart();
    expect(buffer.take(0)?.topology?.epoch).toBe(7);
  });

  it('is bounded', () => {
    const buffer = new ReportBuffer();
    const many = Array.from({ length: CONTROL_LIMITS.links + 5 }, (_, index) => hintAbout(`s${index}>t`, 1));
    buffer.hints(many, 0);
    expect(buffer.take(0)?.hints?.hints).toHaveLength(CONTROL_LIMITS.links);
    expect(buffer.hintsReplaced).toBe(5);
  });
});
