import { dirname, resolve } from 'node:path';
import type { BridgeConfig, BridgeFile } from './bridge-schema.ts';
import { bridgeFileSchema, bridgeSchema } from './bridge-schema.ts';
import { type DocumentKind, parseDocument, type Report } from './document.ts';
import { suggest } from './explain.ts';
import { loadPolicy } from './policy.ts';
import { readConfigFile } from './read-file.ts';
import { checkResolved } from './sidecar.ts';
import { readSource } from './source.ts';

/** A resolved policy of 10,000 rules is larger than any file that a person writes. */
const BRIDGE_LIMIT_BYTES = 16 * 1024 * 1024;

type Check = Pick<Report, 'invalid' | 'conflict'>;

function checkPorts({ ports, northbound }: Omit<BridgeConfig, 'policy'>, report: Check): void {
  const links = new Map<string, number>();
  for (const [index, { link, device, classes }] of ports.entries()) {
    if (device === undefined && classes !== undefined) {
      report.conflict(['ports', index, 'classes'], 'queues of classes are at a device', 'Name the device.');
    }
    const first = links.get(link);
    if (first === undefined) links.set(link, index);
    else report.conflict(['ports', index, 'link'], `link ${link} stands twice`, 'Keep one.');
  }
  if (northbound.kind !== 'priomesh') return;
  for (const key of ['credentialsFile', 'switches', 'paths'] as const) {
    if (northbound[key] === undefined) continue;
    report.conflict(
      ['northbound', key],
      `${key} is for controllers of another kind: this one is ${northbound.kind}`,
      'Take the key out.',
    );
  }
}

function checkClasses({ ports, policy }: BridgeConfig, report: Check): void {
  const names = policy.classes.map(({ name }) => name);
  for (const [index, { classes = {} }] of ports.entries()) {
    for (const name of Object.keys(classes)) {
      if (names.includes(name)) continue;
      report.invalid(
        ['ports', index, 'classes', name],
        `there is no class ${name}`,
        suggest(name, names, 'class'),
      );
    }
  }
}

/** Configurations of bridges: written by programs. */
export const bridgeKind: DocumentKind<BridgeConfig, BridgeConfig> = {
  name: 'bridge',
  schema: bridgeSchema,
  limitBytes: BRIDGE_LIMIT_BYTES,
  resolve(config, report) {
    checkPorts(config, report);
    checkResolved(config.policy, report);
    checkClasses(config, report);
    return config;
  },
};

/** Configurations of bridges that people write: the policy is named. */
export const bridgeFileKind: DocumentKind<BridgeFile, BridgeFile> = {
  name: 'bridge-file',
  schema: bridgeFileSchema,
  resolve(file, report) {
    checkPorts(file, report);
    return file;
  },
};

/** The same form with a policy that was read from a file of its own: only what concerns both is left to check. */
function withPolicy(
  written: BridgeFile,
  policy: BridgeConfig['policy'],
  text: string,
  file: string,
): BridgeConfig {
  const config = { ...written, policy };
  const kind: DocumentKind<BridgeFile, BridgeConfig> = {
    ...bridgeFileKind,
    resolve(_, report) {
      checkClasses(config, report);
      return config;
    },
  };
  return parseDocument(kind, text, file);
}

/**
 * Reads the configuration file of a bridge; where `policy` is the name of a file, as a person writes it, that is read too.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong
 */
export async function loadBridgeConfig(file: string): Promise<BridgeConfig> {
  const text = await readConfigFile(file, BRIDGE_LIMIT_BYTES);
  const { value } = readSource(text, file, BRIDGE_LIMIT_BYTES);
  const named =
    typeof value === 'object' && value !== null && 'policy' in value && typeof value.policy === 'string';
  if (!named) return parseDocument(bridgeKind, text, file);
  const written = parseDocument(bridgeFileKind, text, file);
  return withPolicy(written, await loadPolicy(resolve(dirname(file), written.policy)), text, file);
}
