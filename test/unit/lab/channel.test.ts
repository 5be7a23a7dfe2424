import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LabChannel } from '../../../src/lab/mininet-channel.ts';

function channel() {
  const input = new PassThrough();
  const output = new PassThrough();
  const failures: Error[] = [];
  const failed = Promise.withResolvers<Error>();
  const made = new LabChannel(input, output, (error) => {
    failures.push(error);
    failed.resolve(error);
  });
  const sent = (): unknown[] => {
    let text = '';
    for (let chunk = input.read(); chunk !== null; chunk = input.read()) text += chunk;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };
  const say = (...messages: unknown[]): void => {
    for (const message of messages)
      output.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  };
  return { made, sent, say, failures, failed: failed.promise };
}

describe('LabChannel', () => {
  test('matches answers to requests in any order', async () => {
    const { made, sent, say } = channel();
    const first = made.request({ op: 'exec' });
    const second = made.request({ op: 'exec' });
    expect(sent()).toEqual([
      { op: 'exec', id: first.id },
      { op: 'exec', id: second.id },
    ]);
    say({ id: second.id, error: 'no' }, { id: first.id, ok: { exitCode: 0 } });
    await expect(first.answer).resolves.toEqual({ exitCode: 0 });
    await expect(second.answer).rejects.toThrow('no');
  });

  test('hands lines and the exit to the process that they belong to', async () => {
    const { made, say } = channel();
    const lines: unknown[] = [];
    const exited = Promise.withResolvers<unknown>();
    const { id, answer } = made.request(
      { op: 'spawn' },
      { deliver: (line) => lines.push(line), finish: exited.resolve },
    );
    say({ id, ok: { pid: 5 } }, { event: 'line', process: id, line: { a: 1 } });
    say({ event: 'line', process: 99, line: {} }, { event: 'exit', process: id, signal: 'SIGTERM' });
    await answer;
    await expect(exited.promise).resolves.toEqual({ signal: 'SIGTERM' });
    expect(lines).toEqual([{ a: 1 }]);
  });

  test('cancels only what still runs', async () => {
    const { made, sent, say } = channel();
    const { id, answer } = made.request({ op: 'exec' });
    say({ id, ok: {} });
    await answer;
    sent();
    made.cancel(id);
    const other = made.request({ op: 'exec' });
    made.cancel(other.id);
    expect(sent()).toEqual([
      { op: 'exec', id: other.id },
      { op: 'cancel', command: other.id },
    ]);
  });

  test('breaks off everything that waits, and refuses what comes later', async () => {
    const { made } = channel();
    const exited = Promise.withResolvers<unknown>();
    const { answer } = made.request({ op: 'exec' });
    const spawned = made.request({ op: 'spawn' }, { deliver: () => {}, finish: exited.resolve });
    made.breakOff(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    await expect(spawned.answer).rejects.toThrow('gone');
    await expect(exited.promise).resolves.toEqual({ signal: 'SIGKILL' });
    await expect(made.ready).rejects.toThrow('gone');
    await expect(made.request({ op: 'exec' }).answer).rejects.toThrow('gone');
  });

  test.each([
    ['{"event":"failed","what":"ovs-vswitchd ended"}', 'ovs-vswitchd ended'],
    ['Traceback', "said 'Traceback'"],
  ])('fails on %s', async (line, message) => {
    const { say, failed } = channel();
    say(line);
    const error = await failed;
    expect(error).toMatchObject({ code: 'LAB_FAILED' });
    expect(error.message).toContain(message);
  });
});
