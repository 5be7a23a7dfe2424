import { describe, expect, it } from 'vitest';
import type { CliContext } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/main.ts';
import { createProgress, formatDuration } from '../../../src/cli/progress.ts';
import { report } from '../../../src/cli/report.ts';
import { VERBS } from '../../../src/cli/verbs/index.ts';
import {
  abortError,
  type ExitName,
  PriomeshError,
  silentLogger,
  systemClock,
} from '../../../src/core/index.ts';

interface Said {
  readonly exit: ExitName;
  readonly out: string;
  readonly err: string;
}

function contextThatKeeps(out: string[], err: string[], over: Partial<CliContext> = {}): CliContext {
  return {
    stdout: (text) => out.push(text),
    stderr: (text) => err.push(text),
    terminal: false,
    columns: 100,
    colour: false,
    env: {},
    cwd: import.meta.dirname,
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
    ...over,
  };
}

async function call(...argv: string[]): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await runCli(argv, contextThatKeeps(out, err));
  return { exit, out: out.join(''), err: err.join('') };
}

describe('the command line', () => {
  it('lists every verb with what it does, and the exit statuses', async () => {
    const { exit, out } = await call('--help');
    expect(exit).toBe('ok');
    const unfolded = out.replaceAll(/\s+/g, ' ');
    for (const verb of VERBS) expect(unfolded).toContain(verb.summary);
    expect(out).toContain('3 configuration');
  });

  it('shows the help when it is called with nothing', async () => {
    const { exit, out } = await call();
    expect(exit).toBe('ok');
    expect(out).toContain('Usage: priomesh');
  });

  it.each(VERBS.map((verb) => verb.name))('explains the verb %s', async (name) => {
    const { exit, out } = await call(name, '--help');
    expect(exit).toBe('ok');
    expect(out).toContain(`Usage: priomesh ${name}`);
  });

  it('suggests the verb that was meant', async () => {
    const { exit, err } = await call('rnu');
    expect(exit).toBe('usage');
    expect(err).toContain('Did you mean run?');
  });

  it.each([
    [['run', 'x', '--labb', 'local'], '--lab'],
    [['run', 'x', '--lab', 'docker'], 'mininet, local'],
    [['run', 'x', '--trials', '0'], 'a whole number from 1 to 1000'],
    [['run'], 'experiment'],
    [['sidecar'], '--config'],
  ])('refuses %j by name', async (argv, said) => {
    const { exit, err } = await call(...argv);
    expect(exit).toBe('usage');
    expect(err).toContain('priomesh: USAGE: ');
    expect(err).toContain('  fix: ');
    expect(err).toContain(said);
  });

  it('says which file is missing', async () => {
    const { exit, err } = await call('plan', 'nowhere');
    expect(exit).toBe('configuration');
    expect(err).toContain('CONFIG_NOT_FOUND');
    expect(err).toContain('nowhere/experiment.yaml');
    expect(err).toContain('fix:');
  });

  it('prints schemas by name, and names them all for one that is not known', async () => {
    const names = (await call('schema')).out.trim().split('\n');
    expect(names).toEqual(expect.arrayContaining(['policy', 'experiment', 'graph', 'sidecar', 'summary']));
    for (const name of names) {
      const { exit, out } = await call('schema', name);
      expect(exit).toBe('ok');
      expect(JSON.parse(out)).toHaveProperty('$schema');
    }
    const unknown = await call('schema', 'polcy');
    expect(unknown.exit).toBe('usage');
    expect(unknown.err).toContain('policy');
  });
});

describe('an error', () => {
  function said(error: unknown): Said {
    const err: string[] = [];
    return { exit: report(error, contextThatKeeps([], err)), out: '', err: err.join('') };
  }

  it('of the file system has a code and a fix, and is no fault of priomesh', async () => {
    const { exit, err } = await call(
      'run',
      '../../../experiments/case-study',
      '--lab',
      'local',
      '--out',
      'x'.repeat(300),
    );
    expect(exit).toBe('platform');
    expect(err).toMatch(/^priomesh: FILE_FAILED: ENAMETOOLONG.*\n {2}fix: /);
    expect(said(Object.assign(new Error('no space'), { syscall: 'write', code: 'ENOSPC' })).exit).toBe(
      'platform',
    );
    expect(said(new TypeError('x')).exit).toBe('internal');
  });

  it('counts as what went wrong first, with what failed afterwards beside it', () => {
    const first = new PriomeshError('LAB_FAILED', 'the switch ended');
    const { exit, err } = said(new SuppressedError(new Error('no channel'), first));
    expect(exit).toBe('lab');
    expect(err).toMatch(
      /^priomesh: LAB_FAILED: the switch ended\n(.*\n)* {2}and while cleaning up: no channel\n$/,
    );
  });

  it('is no error when a person interrupted it, also while the machine is probed', async () => {
    const interrupted = AbortSignal.abort('SIGINT');
    for (const argv of [['doctor'], ['plan', '../../../experiments/case-study', '--lab', 'local']]) {
      const err: string[] = [];
      const exit = await runCli(argv, contextThatKeeps([], err, { signal: interrupted }));
      expect(exit, err.join('')).toBe('interrupted');
    }
    expect(said(abortError(interrupted)).err).toContain('interrupted');
  });
});

describe('progress', () => {
  it('is plain lines without a terminal', () => {
    const err: string[] = [];
    const progress = createProgress(contextThatKeeps([], err));
    progress.update('trial 1/4: mesh', 0.25, 90_000);
    progress.line('a line');
    progress.end();
    expect(err.join('')).toBe('[ 25 %] trial 1/4: mesh, 1 min 30 s left\na line\n');
  });

  it('is redrawn in place on a terminal, and never wider than it', () => {
    const err: string[] = [];
    const progress = createProgress(contextThatKeeps([], err, { terminal: true, columns: 40 }));
    progress.update('trial 1/4: a rather long name of an arm', 0.5, 1000);
    expect(err.join('')).not.toContain('\n');
    expect(err.join('').length).toBeLessThan(40);
    progress.end();
    expect(err.at(-1)).toBe('\r\u001b[K');
  });

  it.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [200_000, '3 min 20 s'],
    [3_900_000, '1 h 5 min'],
  ])('says %d ms as %s', (ms, said) => {
    expect(formatDuration(ms)).toBe(said);
  });
});
