import { isIP } from 'node:net';
import type { Policy } from '../core/index.ts';
import { type DocumentKind, parseDocument, type Report } from './document.ts';
import { suggest } from './explain.ts';
import { cidrFault } from './networks.ts';
import { readConfigFile } from './read-file.ts';
import { type Address, type SidecarConfig, sidecarSchema } from './sidecar-schema.ts';
import type { Path } from './source.ts';

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

function checkAddresses(config: SidecarConfig, report: Check): void {
  const { inbound, outbound } = config;
  if (inbound === undefined && outbound === undefined) {
    report.invalid([], 'the sidecar has neither inbound nor outbound', 'Add one of the two.');
  }
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
  if (outbound === undefined) return;
  checkAddress(outbound.listen, ['outbound', 'listen'], report);
  if (inbound !== undefined && same(inbound.listen, outbound.listen)) {
    report.conflict(['outbound', 'listen'], 'inbound and outbound listen on the same port', 'Use two ports.');
  }
  for (const [host, { endpoints }] of Object.entries(outbound.upstreams)) {
    for (const [index, endpoint] of endpoints.entries()) {
      const path: Path = ['outbound', 'upstreams', host, 'endpoints', index];
      checkAddress(endpoint, path, report);
      if (same(endpoint, outbound.listen)) {
        report.conflict(path, 'the sidecar would call itself', 'Name the address of the service.');
      }
    }
  }
}

/** What holds of every resolved policy; a policy that `parsePolicy` made fulfils it. */
function checkResolved(policy: Policy, report: Check): void {
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
  checkAddresses(config, report);
  checkResolved(config.policy, report);
}

/** Configurations of sidecars: written by programs, as JSON. */
export const sidecarKind: DocumentKind<SidecarConfig, SidecarConfig> = {
  name: 'sidecar',
  schema: sidecarSchema,
  resolve(config, report) {
    checkSidecar(config, report);
    return config;
  },
};

/**
 * Reads the configuration of a sidecar from JSON or YAML text.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong.
 */
export function parseSidecarConfig(text: string, file: string): SidecarConfig {
  return parseDocument(sidecarKind, text, file);
}

/** Reads the configuration file of a sidecar; see {@link parseSidecarConfig}. */
export async function loadSidecarConfig(file: string): Promise<SidecarConfig> {
  return parseSidecarConfig(await readConfigFile(file), file);
}
