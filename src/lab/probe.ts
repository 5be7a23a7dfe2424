import { access } from 'node:fs/promises';
import { type Exec, PriomeshError } from '../core/index.ts';
import { findProgram } from './programs.ts';

/** Programs that the Mininet laboratory runs, and the Debian packages that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/bin/python3': 'python3',
  mnexec: 'mininet',
  bash: 'bash',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  ip: 'iproute2',
  tc: 'iproute2',
  ethtool: 'ethtool',
  ifconfig: 'net-tools',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
};

/** One thing that a laboratory needs, found or not. */
export interface LabCapability {
  readonly ok: boolean;
  /** What was found, or what is missing, in words. */
  readonly why: string;
  /** What to do about it; absent when nothing is to be done. */
  readonly fix?: string;
}

/** What this machine offers for the Mininet laboratory. */
export interface LabCapabilities {
  /** Every program that it runs is installed. */
  readonly programs: LabCapability;
  /** This user may make the namespaces that it lives in. */
  readonly namespaces: LabCapability;
  /** Open vSwitch's datapath in the kernel; without it, the userspace datapath serves. */
  readonly kernelDatapath: LabCapability;
  /** The kernel delays links (netem). */
  readonly netem: LabCapability;
  /** A C compiler, for the delay bridge where netem is absent. */
  readonly compiler: LabCapability;
  /** All that is needed is there. */
  readonly mininet: LabCapability;
}

async function missingPackages(): Promise<{ programs: string[]; packages: string[] }> {
  const entries = Object.entries(PROGRAMS);
  const found = await Promise.all(entries.map(([program]) => findProgram(program)));
  const missing = entries.filter((_, index) => found[index] === undefined);
  return {
    programs: missing.map(([program]) => program),
    packages: [...new Set(missing.map(([, debianPackage]) => debianPackage))],
  };
}

const installCommand = (packages: readonly string[]): string => `apt-get install ${packages.join(' ')}`;

/** Throws PLATFORM_MISSING, naming the Debian packages, unless every program of the Mininet laboratory is installed. */
export async function requireMininet(): Promise<void> {
  const { programs, packages } = await missingPackages();
  if (programs.length === 0) return;
  throw new PriomeshError('PLATFORM_MISSING', `the laboratory needs ${programs.join(', ')}`, {
    fix: `${installCommand(packages)}; or use the local laboratory (--lab local).`,
  });
}

async function probePrograms(): Promise<LabCapability> {
  const { programs, packages } = await missingPackages();
  if (programs.length === 0) return { ok: true, why: 'installed' };
  return { ok: false, why: `not installed: ${programs.join(', ')}`, fix: installCommand(packages) };
}

/** The first line of a command's complaint, or undefined when it succeeded. */
async function complaint(exec: Exec, argv: readonly [string, ...string[]]): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await exec.run(argv, { timeoutMs: 10_000 });
    return exitCode === 0 ? undefined : (stderr.trim().split('\n')[0] ?? '') || `exit status ${exitCode}`;
  } catch (error) {
    if (error instanceof PriomeshError) return error.message;
    throw error;
  }
}

/**
 * Finds out what the Mininet laboratory would find here. Changes nothing: what it tries, it tries in namespaces that
 * end with the trial.
 */
export async function probeLab(exec: Exec): Promise<LabCapabilities> {
  const inside = process.getuid?.() === 0 ? ['unshare', '-nm'] : ['unshare', '-Urnm'];
  const trial = (...argv: string[]) => complaint(exec, [...inside, ...argv] as [string, ...string[]]);
  const [programs, refusal, netemRefusal, compiler, kernel] = await Promise.all([
    probePrograms(),
    trial('true'),
    trial('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'),
    findProgram('cc'),
    access('/sys/module/openvswitch').then(
      () => true,
      () => false,
    ),
  ]);
  const namespaces: LabCapability =
    refusal === undefined
      ? { ok: true, why: 'allowed' }
      : {
          ok: false,
          why: refusal,
          fix: 'run with sudo, or allow user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)',
        };
  const netem: LabCapability =
    netemRefusal === undefined
      ? { ok: true, why: 'the kernel has it' }
      : { ok: false, why: netemRefusal, fix: 'modprobe sch_netem; without it a delay bridge is compiled' };
  const canCompile: LabCapability =
    compiler === undefined
      ? { ok: false, why: 'no C compiler', fix: 'apt-get install gcc libc6-dev' }
      : { ok: true, why: compiler };
  const needed = [programs, namespaces, netem.ok ? netem : canCompile];
  const lacking = needed.find(({ ok }) => !ok);
  return {
    programs,
    namespaces,
    kernelDatapath: kernel
      ? { ok: true, why: 'the kernel module is loaded' }
      : { ok: false, why: 'the kernel module is not loaded; the userspace datapath serves' },
    netem,
    compiler: canCompile,
    mininet: lacking ?? { ok: true, why: 'everything that it needs is here' },
  };
}
