import { mkdir, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PriomeshError } from '../core/index.ts';
import { findProgram } from './programs.ts';

/**
 * RabbitMQ's inner launcher. Not Debian's /usr/sbin/rabbitmq-server, which goes through su(1) to the service's own user.
 */
const LAUNCHERS = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
] as const;

/** How often a queue tells its figures to the management plugin. */
const QUEUE_STATISTICS_MS = 250;
/** The least that RabbitMQ allows between two looks at those figures, seconds. */
const MANAGEMENT_REFRESH_S = 1;

/** Where a broker listens. */
export interface BrokerListen {
  readonly host: string;
  readonly port: number;
  readonly managementPort: number;
}

/** The launcher of RabbitMQ on this machine, or undefined. */
export async function findRabbitmq(): Promise<string | undefined> {
  for (const launcher of LAUNCHERS) {
    const found = await findProgram(launcher);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The version of the RabbitMQ on this machine, such as 3.10.8, or undefined where none is installed. */
export async function rabbitmqVersion(): Promise<string | undefined> {
  const launcher = await findRabbitmq();
  if (launcher === undefined) return undefined;
  const plugins = path.join(path.dirname(await realpath(launcher)), '../plugins');
  const names = await readdir(plugins).catch(() => []);
  return names
    .map((name) => /^rabbit-(\d.*?)(?:\.ez)?$/.exec(name)?.[1])
    .find((version) => version !== undefined);
}

/** Throws PLATFORM_MISSING, naming the Debian package, unless RabbitMQ is installed; else gives its launcher. */
export async function requireRabbitmq(): Promise<string> {
  const launcher = await findRabbitmq();
  if (launcher !== undefined) return launcher;
  throw new PriomeshError('PLATFORM_MISSING', 'the message broker needs rabbitmq-server', {
    fix: 'apt-get install rabbitmq-server',
  });
}

const inFolder = (directory: string) => ({
  home: path.join(directory, 'home'),
  data: path.join(directory, 'data'),
  logs: path.join(directory, 'log'),
  configuration: path.join(directory, 'rabbitmq.conf'),
  plugins: path.join(directory, 'enabled_plugins'),
});

/** The log of a broker whose files stand in a folder. */
export const brokerLogFile = (directory: string): string =>
  path.join(inFolder(directory).logs, 'rabbitmq.log');

/** The text of rabbitmq.conf (https://www.rabbitmq.com/docs/configure). */
export function brokerConfiguration({ host, port, managementPort }: BrokerListen, logs: string): string {
  const lines = [
    `listeners.tcp.default = ${host}:${port}`,
    `management.tcp.ip = ${host}`,
    `management.tcp.port = ${managementPort}`,
    // The network that it stands in is the laboratory's own.
    'loopback_users = none',
    'disk_free_limit.absolute = 50MB',
    `log.dir = ${logs}`,
    `log.file = ${path.basename(brokerLogFile(''))}`,
    'log.console = false',
    `collect_statistics_interval = ${QUEUE_STATISTICS_MS}`,
    'management.rates_mode = none',
    `management.sample_retention_policies.global.minute = ${MANAGEMENT_REFRESH_S}`,
    `management.sample_retention_policies.basic.minute = ${MANAGEMENT_REFRESH_S}`,
    `management.sample_retention_policies.detailed.10 = ${MANAGEMENT_REFRESH_S}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * The command that becomes the broker's process: no shell and no daemon stands beside it, so a signal reaches the broker.
 * Erlang's distribution is off (it neither listens nor starts epmd, which would outlive the broker), because a broker of
 * a laboratory has no neighbours; -erl_epmd_port only answers RabbitMQ's question for a port.
 */
export function brokerCommand(
  launcher: string,
  directory: string,
  inherited: readonly string[],
): [string, ...string[]] {
  const { home, data, logs, configuration, plugins } = inFolder(directory);
  // One scheduler that sleeps when idle: the broker shares the machine with what it is measured with.
  const scheduling = '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none';
  const variables = {
    HOME: home,
    RABBITMQ_NODENAME: 'rabbit@localhost',
    RABBITMQ_CONFIG_FILE: configuration,
    RABBITMQ_ADVANCED_CONFIG_FILE: path.join(directory, 'advanced.config'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_MNESIA_BASE: data,
    RABBITMQ_LOG_BASE: logs,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-sname rabbit@localhost ${scheduling}`,
    // In the environment, because RabbitMQ starts an Erlang of its own once a minute to see that epmd runs.
    ERL_ZFLAGS: '-dist_listen false -start_epmd false -erl_epmd_port 25672',
    ERL_CRASH_DUMP: path.join(logs, 'erl_crash.dump'),
    ERL_CRASH_DUMP_BYTES: '4000000',
    // Makes the launcher's shell become the broker instead of staying its parent.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
  const foreign = inherited.filter(
    (name) => /^(RABBITMQ|ERL)_|^NOTIFY_SOCKET$/.test(name) && !Object.hasOwn(variables, name),
  );
  return [
    'env',
    ...foreign.flatMap((name) => ['-u', name]),
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    launcher,
  ];
}

/** Writes the files that a broker starts with into a folder, which may hold those of an earlier one. */
export async function writeBrokerFiles(directory: string, listen: BrokerListen): Promise<void> {
  const { home, data, logs, configuration, plugins } = inFolder(directory);
  await removeBrokerData(directory);
  for (const folder of [home, data, logs]) await mkdir(folder, { recursive: true });
  await writeFile(configuration, brokerConfiguration(listen, logs));
  await writeFile(plugins, '[rabbitmq_management].\n');
}

/** Removes what a broker stored. Its logs and its configuration stay. */
export async function removeBrokerData(directory: string): Promise<void> {
  const { home, data } = inFolder(directory);
  for (const folder of [home, data]) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
