import { type ExecResult, hostExec } from '../../../../src/core/index.ts';
import { patterned, type Scenario, type Stage } from './scenario.ts';

type Tool = (argv: readonly [string, ...string[]], input?: string) => Promise<ExecResult>;

function tools({ host, port, virtualHost, say }: Stage): Tool {
  const where = [`--server=${host}`, `--port=${port}`, `--vhost=${virtualHost}`];
  return async ([name, ...options], input) => {
    // What amqp-consume runs for each message comes after its own options.
    const result = await hostExec.run([name, ...where, ...options], input === undefined ? {} : { input });
    say([name, ...options].join(' ').slice(0, 200), result);
    return result;
  };
}

/** Scenarios of amqp-tools (the C library rabbitmq-c), a process for each step. */
export const TOOL_SCENARIOS: readonly Scenario[] = [
  {
    name: 'amqp-tools: declare, publish, get, delete',
    async run(stage) {
      const run = tools(stage);
      await run(['amqp-declare-queue', '-d', '-q', 'tools']);
      await run(['amqp-declare-queue', '-d', '-q', 'tools']);
      await run(['amqp-declare-queue', '-q', '']);
      await run(['amqp-get', '-q', 'tools']);
      await run([
        'amqp-publish',
        '-r',
        'tools',
        '-p',
        '-C',
        'text/plain',
        '-t',
        'reply',
        '-H',
        'key: value',
        '-b',
        'one',
      ]);
      await run(['amqp-publish', '-r', 'tools', '-l'], 'two\nthree\nfour\n');
      await run(['amqp-publish', '-r', 'tools'], patterned(200_000).toString('hex'));
      await run(['amqp-publish', '-r', 'nowhere', '-b', 'dropped']);
      await run(['amqp-publish', '-e', 'missing', '-r', 'x', '-b', 'refused']);
      for (let turn = 0; turn < 4; turn += 1) await run(['amqp-get', '-q', 'tools']);
      await run(['amqp-get', '-q', 'tools']);
      await run(['amqp-get', '-q', 'missing']);
      await run(['amqp-publish', '-r', 'tools', '-b', 'left']);
      await run(['amqp-delete-queue', '-e', '-q', 'tools']);
      await run(['amqp-delete-queue', '-q', 'tools']);
      await run(['amqp-delete-queue', '-q', 'tools']);
      await run(['amqp-declare-queue', '-q', 'amq.reserved']);
    },
    // Whether a client that is refused still closes its channel itself is a race.
    ownWordsOnly: true,
  },
  {
    name: 'amqp-tools: consume with and without acknowledgement, with a prefetch, over an exchange',
    async run(stage) {
      const run = tools(stage);
      await run(['amqp-declare-queue', '-q', 'eaten']);
      await run(['amqp-publish', '-r', 'eaten', '-l'], '1\n2\n3\n4\n5\n6\n7\n8\n');
      await run(['amqp-consume', '-q', 'eaten', '-c', '2', 'cat']);
      await run(['amqp-consume', '-q', 'eaten', '-c', '2', '-p', '1', 'cat']);
      // What the command fails on is rejected and comes again.
      await run(['amqp-consume', '-q', 'eaten', '-c', '1', '-p', '1', 'sh', '-c', 'cat >/dev/null; exit 1']);
      await run(['amqp-consume', '-q', 'eaten', '-c', '3', '-p', '3', 'cat']);
      await run(['amqp-consume', '-q', 'eaten', '-A', '-c', '1', 'cat']);
      await run(['amqp-get', '-q', 'eaten']);
      await run(['amqp-consume', '-q', 'missing', '-c', '1', 'cat']);
    },
    ownWordsOnly: true,
  },
];
