import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Exec, messageOf, PriomeshError } from '../core/index.ts';
import type { KernelFindings, Missing } from './probe-inside.ts';
import type { Argv } from './tc-commands.ts';

/** What the kernel has, and by which way it was tried. */
export interface KernelProbe extends KernelFindings {
  /** `namespace`: as a user who may make network namespaces. `user-namespace`: in a user namespace of its own. `none`: neither is allowed. */
  readonly via: 'namespace' | 'user-namespace' | 'none';
}

const WAYS: readonly { readonly via: KernelProbe['via']; readonly argv: Argv }[] = [
  { via: 'namespace', argv: ['unshare', '-n'] },
  { via: 'user-namespace', argv: ['unshare', '-Urn'] },
];

/** The program that runs inside; it stands beside this file in source and in compiled form. */
const PROGRAM = fileURLToPath(new URL(`./probe-main${extname(import.meta.url)}`, import.meta.url));

function names(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isFindings(value: unknown): value is KernelFindings {
  if (typeof value !== 'object' || value === null) return false;
  const found: Partial<Record<keyof KernelFindings, unknown>> = value;
  return (
    names(found.qdiscs) &&
    names(found.filters) &&
    typeof found.trafficControl === 'boolean' &&
    typeof found.reflectTos === 'boolean' &&
    Array.isArray(found.missing)
  );
}

/**
 * Finds out by trying what the kernel has, for the user and in the place that `exec` stands for: a program makes a
 * network namespace of its own with a scratch link, tries each candidate, and takes everything with it when it ends.
 * Works as root and as an ordinary user where user namespaces are allowed; where they are not, says so.
 */
export async function probeKernel(exec: Exec): Promise<KernelProbe> {
  const missing: Missing[] = [];
  for (const { via, argv } of WAYS) {
    try {
      const result = await exec.run([...argv, process.execPath, PROGRAM]);
      if (result.exitCode !== 0) {
        missing.push({ name: argv.join(' '), why: result.stderr.trim().slice(0, 500) });
        continue;
      }
      const found: unknown = JSON.parse(result.stdout);
      if (!isFindings(found)) throw new PriomeshError('INTERNAL', 'the kernel probe printed something else');
      return { ...found, via };
    } catch (error) {
      missing.push({ name: argv.join(' '), why: messageOf(error) });
    }
  }
  return { qdiscs: [], filters: [], trafficControl: false, reflectTos: false, missing, via: 'none' };
}
