import { describe, expect, test } from 'vitest';
import { TrackedProcess } from '../../../src/lab/process.ts';

function tracked(sendSignal: (name: NodeJS.Signals) => Promise<void> = async () => {}): TrackedProcess {
  return new TrackedProcess(1, { title: 'thing in left1', stderrFile: '/logs/thing.log', sendSignal });
}

const isReady = (line: Readonly<Record<string, unknown>>): boolean => line['event'] === 'ready';

describe('waitForLine', () => {
  test('resolves with a line that came before the call', async () => {
    const process = tracked();
    process.deliver({ event: 'ready', number: 1 });
    await expect(process.waitForLine(isReady, 1000)).resolves.toEqual({ event: 'ready', number: 1 });
  });

  test('resolves with a line that comes later, also when the process has ended since', async () => {
    const process = tracked();
    const waiting = process.waitForLine(isReady, 60_000);
    process.deliver({ event: 'other' });
    process.deliver({ event: 'ready' });
    process.finish({ exitCode: 0 });
    await expect(waiting).resolves.toEqual({ event: 'ready' });
    await expect(process.waitForLine(isReady, 1000)).resolves.toEqual({ event: 'ready' });
  });

  test('rejects when the process ends, naming its status and its log', async () => {
    const process = tracked();
    const waiting = process.waitForLine(isReady, 60_000);
    process.finish({ exitCode: 3 });
    const error = { code: 'LAB_PROCESS_DIED', fix: 'Read /logs/thing.log.' };
    await expect(waiting).rejects.toMatchObject(error);
    await expect(waiting).rejects.toThrow('thing in left1 ended (exit status 3)');
    await expect(process.waitForLine(isReady, 60_000)).rejects.toMatchObject(error);
  });

  test('rejects after the timeout', async () => {
    await expect(tracked().waitForLine(isReady, 1)).rejects.toThrow('within 1 ms');
  });

  test('rejects with ABORTED when the signal fires before or during the wait', async () => {
    const controller = new AbortController();
    const waiting = tracked().waitForLine(isReady, 60_000, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(tracked().waitForLine(isReady, 60_000, controller.signal)).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  test('looks back over a bounded number of lines', async () => {
    const process = tracked();
    process.deliver({ event: 'ready' });
    for (let count = 0; count < 1000; count += 1) process.deliver({ count });
    await expect(process.waitForLine(isReady, 1)).rejects.toThrow('did not print');
    await expect(process.waitForLine((line) => line['count'] === 0, 1)).resolves.toEqual({ count: 0 });
  });
});

describe('the end', () => {
  test('is told once', async () => {
    const process = tracked();
    process.finish({ signal: 'SIGTERM' });
    process.finish({ exitCode: 0 });
    await expect(process.exited).resolves.toEqual({ signal: 'SIGTERM' });
  });

  test('makes signals harmless, also one that was on its way', async () => {
    const sent: string[] = [];
    const process = tracked(async (name) => {
      sent.push(name);
      process.finish({ exitCode: 0 });
      throw new Error('no such process');
    });
    await process.signal('SIGTERM');
    await process.signal('SIGKILL');
    expect(sent).toEqual(['SIGTERM']);
  });

  test('a signal that cannot be sent to a process that lives is an error', async () => {
    const process = tracked(async () => {
      throw new Error('not permitted');
    });
    await expect(process.signal('SIGTERM')).rejects.toThrow('not permitted');
  });
});
