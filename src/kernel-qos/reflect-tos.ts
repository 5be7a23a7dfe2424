import type { Argv } from './tc-commands.ts';

/** The setting by which a listener answers a SYN with the SYN's own mark, for IPv4 and IPv6 (Linux 5.10; one value a network namespace). */
const REFLECT_TOS = 'net.ipv4.tcp_reflect_tos';

/** Prints the value alone. */
export const REFLECT_TOS_READ: Argv = ['sysctl', '-n', REFLECT_TOS];

/** Sets a value. */
export function reflectTosArgv(value: string): Argv {
  return ['sysctl', '-w', `${REFLECT_TOS}=${value}`];
}

/** Switches it on. */
export const REFLECT_TOS_ON: Argv = reflectTosArgv('1');
