import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Policy } from '../core/index.ts';
import { type DocumentKind, parseDocument, type Report } from './document.ts';
import { suggest } from './explain.ts';
import { fits } from './json-check.ts';
import type { JsonSchema } from './json-schema.ts';
import { lazy } from './lazy.ts';
import { cidrFault } from './networks.ts';
import { checkOperation } from './operation-schema.ts';
import { loadPolicy } from './policy.ts';
import { readConfigFile } from './read-file.ts';
import {
  type Address,
  type SidecarConfig,
  type SidecarFile,
  sidecarFileSchema,
  sidecarSchema,
} from './sidecar-schema.ts';
import { type Path, readSource } from './source.ts';
import { checkPort, checkPorts } from './tcp-schema.ts';
import { checkUpstream } from './upstream.ts';

type Check = Pick<Report, 'invalid' | 'conflict'>;

function checkAddress({ host }: Address, path: Path, report: Check): void {
  if (isIP(host) !== 0) return;
  report.invalid(
    [...path, 'host'],
    `${JSON.stringify(host)} is no IPv4 or IPv6 address`,
    'Write the address as a literal.',
  );
}

function same(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port && a.port !== 0;
}

function checkBroker(
  { address, listen, tlsAddress }: NonNullable<SidecarConfig['broker']>,
  others: readonly (Address | undefined)[],
  report: Check,
): void {
  checkAddress(address, ['broker', 'address'], report);
  if (tlsAddress !== undefined) checkAddress(tlsAddress, ['broker', 'tlsAddress'], report);
  if (listen === undefined) return;
  checkAddress(listen, ['broker', 'listen'], report);
  if (same(listen, address)) {
    report.conflict(['broker', 'address'], 'the sidecar would call itself', "Name the broker's address.");
  }
  for (const other of others) {
    if (other === undefined || !same(listen, other)) continue;
    report.conflict(
      ['broker', 'listen'],
      'messages and requests would arrive at the same port',
      'Use another port.',
    );
  }
}

/** @param classes of the policy, where it has been read */
function checkAddresses(
  config: Omit<SidecarConfig, 'policy'>,
  classes: readonly string[] | undefined,
  report: Check,
): void {
  const { inbound, outbound, broker } = config;
  checkOperation(config, classes, report);
  if (inbound === undefined && outbound === undefined && broker === undefined) {
    report.invalid([], 'the sidecar has neither inbound nor outbound nor broker', 'Add one of them.');
  }
  if (broker !== undefined) checkBroker(broker, [inbound?.listen, outbound?.listen], report);
  if (inbound !== undefined) {
    checkAddress(inbound.listen, ['inbound', 'listen'], report);
    checkAddress(inbound.application, ['inbound', 'application'], report);
    if (same(inbound.listen, inbound.application)) {
      report.conflict(
        ['inbound', 'application'],
        'the sidecar would call itself',
        "Name the application's port.",
      );
    }
  }
  if (inbound !== undefined) {
    checkPorts(inbound.tcp ?? [], ['inbound', 'tcp'], { classes }, report);
    if (inbound.opaque !== undefined) checkPort(inbound.opaque, ['inbound', 'opaque'], { classes }, report);
  }
  if (outbound === undefined) return;
  const upstreams = Object.keys(outbound.upstreams);
  checkPorts(outbound.tcp ?? [], ['outbound', 'tcp'], { classes, upstreams }, report);
  checkAddress(outbound.listen, ['outbound', 'listen'], report);
  if (inbound !== undefined && same(inbound.listen, outbound.listen)) {
    report.conflict(['outbound', 'listen'], 'inbound and outbound listen on the same port', 'Use two ports.');
  }
  const context = { hasControlPlane: config.controlPlane !== undefined, classes };
  for (const [host, upstream] of Object.entries(outbound.upstreams)) {
    checkUpstream(upstream, ['outbound', 'upstreams', host], context, report);
    for (const [index, endpoint] of (upstream.endpoints ?? []).entries()) {
      const path: Path = ['outbound', 'upstreams', host, 'endpoints', index];
      if (same(endpoint, outbound.listen)) {
        report.conflict(path, 'the sidecar would call itself', 'Name the address of the service.');
      }
    }
  }
}

/** What holds of every resolved policy; a policy that `parsePolicy` made fulfils it. */
export function checkResolved(policy: Policy, report: Check): void {
  const names = policy.classes.map(({ name }) => name);
  for (const [index, { name, rank }] of policy.classes.entries()) {
    const above = policy.classes[index - 1];
    if (above !== undefined && above.rank >= rank) {
      report.conflict(
        ['policy', 'classes', index, 'rank'],
        `class ${name} has rank ${rank} behind class ${above.name} with rank ${above.rank}`,
        'List the classes by rank, the most important first, each rank once.',
      );
    }
    if (names.indexOf(name) !== index) {
      report.conflict(['policy', 'classes', index, 'name'], `class ${name} stands twice`, 'Keep one.');
    }
  }
  const { defaultClass, rules, trustedNetworks } = policy.ingress;
  const known = (name: string, path: Path) => {
    if (!names.includes(name))
      report.invalid(path, `there is no class ${name}`, suggest(name, names, 'class'));
  };
  known(defaultClass, ['policy', 'ingress', 'defaultClass']);
  const network = (text: string, path: Path) => {
    const fault = cidrFault(text);
    if (fault !== undefined)
      report.invalid(path, `${JSON.stringify(text)} is no network: ${fault}`, 'Correct it.');
  };
  for (const [index, text] of trustedNetworks.entries()) {
    network(text, ['policy', 'ingress', 'trustedNetworks', index]);
  }
  for (const [index, rule] of rules.entries()) {
    const path: Path = ['policy', 'ingress', 'rules', index];
    known(rule.class, [...path, 'class']);
    for (const [at, text] of (rule.match.sourceNetworks ?? []).entries()) {
      network(text, [...path, 'match', 'sourceNetworks', at]);
    }
  }
}

function checkSidecar(config: SidecarConfig, report: Check): void {
  checkAddresses(
    config,
    config.policy.classes.map(({ name }) => name),
    report,
  );
  checkResolved(config.policy, report);
}

/** A resolved policy of 10,000 rules is larger than any file that a person writes. */
const SIDECAR_LIMIT_BYTES = 16 * 1024 * 1024;

/** Configurations of sidecars: written by programs, as JSON. */
export const sidecarKind: DocumentKind<SidecarConfig, SidecarConfig> = {
  name: 'sidecar',
  schema: sidecarSchema,
  limitBytes: SIDECAR_LIMIT_BYTES,
  resolve(config, report) {
    checkSidecar(config, report);
    return config;
  },
};

/** Configurations of sidecars that people write: the policy is named. */
export const sidecarFileKind: DocumentKind<SidecarFile, SidecarFile> = {
  name: 'sidecar-file',
  schema: sidecarFileSchema,
  resolve(file, report) {
    checkAddresses(file, undefined, report);
    return file;
  },
};

/** Whether a text that is not plain JSON names its policy instead of holding it. */
function namesPolicy(text: string, file: string): boolean {
  const { value } = readSource(text, file, SIDECAR_LIMIT_BYTES);
  return typeof value === 'object' && value !== null && 'policy' in value && typeof value.policy === 'string';
}

/** The published schema of this kind of file. */
const published = lazy(
  () =>
    JSON.parse(
      readFileSync(new URL('../../schemas/sidecar.schema.json', import.meta.url), 'utf8'),
    ) as JsonSchema,
);

/** Whether a text is what JSON.stringify writes for a value: then no key stands in it twice. */
function isPlainJson(text: string, value: unknown): boolean {
  const trimmed = text.trim();
  return trimmed === JSON.stringify(value) || trimmed === JSON.stringify(value, null, 2);
}

/**
 * Reads a configuration as a program writes it, if nothing is wrong with it. It must fit the published JSON Schema and
 * pass the same checks as any other; a text of any other form, or with any fault, is left to the loader, which explains.
 */
function parseSound(text: string): SidecarConfig | undefined {
  if (!text.startsWith('{') || text.length > SIDECAR_LIMIT_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // YAML, or a fault that the loader explains with its place.
  }
  if (!isPlainJson(text, value) || !fits(published(), value)) return undefined;
  const config = value as SidecarConfig;
  let sound = true;
  const fault = () => {
    sound = false;
  };
  checkSidecar(config, { invalid: fault, conflict: fault });
  return sound ? config : undefined;
}

/**
 * Reads the configuration of a sidecar from JSON or YAML text.
 *
 * A sidecar has to start in well under 100 ms, and loading zod and the YAML parser takes 60 ms (Node 26, 2 cores).
 * So plain JSON is first compared with the published JSON Schema, which is made from the zod schema, by a small checker
 * of our own; that takes about 1 ms. Whatever it does not accept goes through the loader that all files go through.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong.
 */
export function parseSidecarConfig(text: string, file: string): SidecarConfig {
  return parseSound(text) ?? parseDocument(sidecarKind, text, file);
}

/**
 * Reads the configuration file of a sidecar; see {@link parseSidecarConfig}. Where `policy` is the name of a file, as a
 * person writes it, that file is read too.
 */
export async function loadSidecarConfig(file: string): Promise<SidecarConfig> {
  return (await loadSidecarFiles(file)).config;
}

/** A configuration, and the files that it stands in. */
export interface LoadedSidecarConfig {
  readonly config: SidecarConfig;
  readonly files: readonly string[];
}

/** The same, with the files that were read. */
export async function loadSidecarFiles(file: string): Promise<LoadedSidecarConfig> {
  const text = await readConfigFile(file, SIDECAR_LIMIT_BYTES);
  const sound = parseSound(text);
  if (sound !== undefined) return { config: sound, files: [file] };
  if (!namesPolicy(text, file)) return { config: parseDocument(sidecarKind, text, file), files: [file] };
  const written = parseDocument(sidecarFileKind, text, file);
  const policyFile = resolve(dirname(file), written.policy);
  return { config: { ...written, policy: await loadPolicy(policyFile) }, files: [file, policyFile] };
}
