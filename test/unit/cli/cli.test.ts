import { describe, expect, it } from 'vitest';
import type { CliContext } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/main.ts';
import { createProgress, formatDuration } from '../../../src/cli/progress.ts';
import { VERBS } from '../../../src/cli/verbs/index.ts';
import { type ExitName, silentLogger, systemClock } from '../../../src/core/index.ts';

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
