import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PriomeshError } from '../core/index.ts';
import { requireMininet } from './probe.ts';

const PROGRAM = fileURLToPath(new URL('../../topologies/lab.py', import.meta.url));
/** Mininet belongs to the system's interpreter, not to another one that stands first on the PATH. */
const PYTHON = '/usr/bin/python3';
const LOG_TAIL_CHARACTERS = 2000;

/** The command that makes the namespaces and runs the laboratory in them as process 1 (unshare(1), setpriv(1)). */
export function launchCommand(root: boolean): [string, ...string[]] {
  const namespaces = root ? [] : ['--user', '--map-root-user'];
  return [
    // The kernel ends unshare when this process ends, and process 1 when unshare ends.
    ...(['setpriv', '--pdeathsig', 'KILL', 'unshare'] as const),
    ...namespaces,
    ...['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'],
    ...[PYTHON, '-IB', PROGRAM],
  ];
}

/** The process at the laboratory's root, seen from outside. */
export interface LaunchedLab {
  readonly child: ChildProcess;
  readonly logFile: string;
  /** Resolves when the process has ended, and with it everything in its namespaces. */
  readonly gone: Promise<void>;
}

/**
 * Starts the laboratory's process. It dies with this process however that ends, in two ways that each suffice: by the
 * kernel's parent-death signal (prctl(2); of the thread that starts it, so call this from the main thread), and because
 * its standard input ends.
 */
export async function launch(logDirectory: string): Promise<LaunchedLab> {
  const directory = path.resolve(logDirectory);
  if (directory === '/run' || directory.startsWith('/run/') || directory.startsWith('/var/run/')) {
    throw new PriomeshError(
      'USAGE',
      `the folder ${directory} lies under /run, which is hidden in the laboratory`,
      {
        fix: 'Name a results folder somewhere else.',
      },
    );
  }
  await requireMininet();
  const logFile = path.join(directory, 'lab.log');
  const log = await open(logFile, 'a');
  try {
    const [file, ...args] = launchCommand(process.getuid?.() === 0);
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', log.fd],
      // A session of its own: Ctrl-C is for this process, which then takes the laboratory down in order.
      detached: true,
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    child.once('error', () => resolve());
    child.once('close', () => resolve());
    return { child, logFile, gone };
  } finally {
    await log.close();
  }
}

const FORBIDDEN = /^unshare: .*(Operation not permitted|Permission denied|No space left on device)/m;

/** Why a laboratory ended before its network stood, read from its log. */
export async function explainEnd(logFile: string, what: string): Promise<PriomeshError> {
  const log = (await readFile(logFile, 'utf8').catch(() => '')).slice(-LOG_TAIL_CHARACTERS);
  const refused = FORBIDDEN.exec(log);
  if (refused !== null) {
    return new PriomeshError('PLATFORM_FORBIDDEN', `this user may not make namespaces (${refused[0]})`, {
      fix: 'Run with sudo, or allow user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0).',
    });
  }
  const last = log.trim().split('\n').at(-1) ?? '';
  const said = what.includes(last) ? '' : `: ${last}`;
  return new PriomeshError('LAB_FAILED', `${what}${said}`, {
    fix: `Read ${logFile}; run \`priomesh doctor\`.`,
  });
}
