import { Command, type OutputConfiguration } from 'commander';
import {
  EXIT_CODES,
  type ExitName,
  jsonLogger,
  type LogLevel,
  programOf,
  systemClock,
} from '../core/index.ts';
import type { CliContext } from './context.ts';
import { report } from './report.ts';
import { VERBS } from './verbs/index.ts';

const VERSION = '0.1.0';

const EXIT_HELP = `
Exit status: ${Object.entries(EXIT_CODES)
  .map(([name, code]) => `${code} ${name}`)
  .join(', ')}. See docs/reference/errors.md.`;

/** A message of commander's as every other error is said: the code, the cause, the fix. */
function sayUsage(text: string, context: CliContext): void {
  context.stderr(text.replace(/^error: /, 'priomesh: USAGE: '));
}

/**
 * Runs one command line and gives its exit status. Only the verb that is called is loaded.
 *
 * @param argv the words after `priomesh`
 */
export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitName> {
  const output: OutputConfiguration = {
    writeOut: context.stdout,
    writeErr: context.stderr,
    outputError: (text) => sayUsage(text, context),
  };
  const program = new Command('priomesh')
    .description('A service mesh for research, and the laboratory around it.')
    .version(VERSION)
    .exitOverride()
    .configureOutput(output)
    .showSuggestionAfterError(true)
    .showHelpAfterError('  fix: `priomesh --help` lists the verbs')
    .addHelpText('after', EXIT_HELP);
  let finished: ExitName = 'ok';
  try {
    for (const entry of VERBS) {
      const command = program.command(entry.name).summary(entry.summary).description(entry.summary);
      command.exitOverride().configureOutput(output);
      command.showHelpAfterError(`  fix: \`priomesh ${entry.name} --help\` explains it`);
      if (argv[0] === entry.name || (argv[0] === 'help' && argv[1] === entry.name)) {
        const verb = await entry.load();
        verb.configure(command, context, (exit) => {
          finished = exit;
        });
      }
    }
    if (argv.length === 0) {
      program.outputHelp();
      return 'ok';
    }
    await program.parseAsync([...argv], { from: 'user' });
    return finished;
  } catch (error) {
    return report(error, context);
  }
}

/** Hands SIGINT, SIGTERM and SIGHUP to an abort signal; a second one ends the process at once. */
function signalsToAbort(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted)
        process.exit(name === 'SIGINT' ? EXIT_CODES.interrupted : EXIT_CODES.terminated);
      controller.abort(name);
    });
  }
  return controller.signal;
}

function logLevel(text: string | undefined): LogLevel {
  return text === 'debug' || text === 'info' || text === 'warn' || text === 'error' ? text : 'warn';
}

if (import.meta.main) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_CODES.ok);
    throw error;
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    // Nobody reads the progress any more; the work itself goes on.
    if (error.code !== 'EPIPE') throw error;
  });
  const exit = await runCli(process.argv.slice(2), {
    stdout: (text) => {
      process.stdout.write(text);
    },
    stderr: (text) => {
      process.stderr.write(text);
    },
    terminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 100,
    // https://no-color.org
    colour: process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '',
    ...(process.stdout.isTTY === true
      ? {
          openScreen: async (events) =>
            (await import('./screen.ts')).openScreen(process.stdout, process.stdin, events),
        }
      : {}),
    become: async (name, args) => {
      const { argv } = await programOf(name);
      process.execve?.(argv[0], [...argv, ...args], process.env);
    },
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    logger: jsonLogger((line) => process.stderr.write(line), logLevel(process.env['PRIOMESH_LOG'])),
    signal: signalsToAbort(),
  });
  process.exitCode = EXIT_CODES[exit];
}
