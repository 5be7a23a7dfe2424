import { isIP } from 'node:net';
import { type DocumentKind, loadDocument, type Report } from './document.ts';
import type { Path } from './source.ts';
import {
  type EndpointConfig,
  type EndpointsFile,
  endpointsFileSchema,
  TABLE_SIZES,
  type UpstreamConfig,
} from './upstream-schema.ts';

type Check = Pick<Report, 'invalid' | 'conflict'>;

/** That endpoints are addresses, and none of them stands twice. */
function checkEndpoints(endpoints: readonly EndpointConfig[], path: Path, report: Check): void {
  const seen = new Set<string>();
  for (const [index, { host, port }] of endpoints.entries()) {
    if (isIP(host) === 0) {
      report.invalid(
        [...path, index, 'host'],
        `${JSON.stringify(host)} is no IPv4 or IPv6 address`,
        'Write the address as a literal.',
      );
    }
    if (seen.has(`${host} ${port}`)) {
      report.conflict([...path, index], `${host} port ${port} stands twice`, 'Give it a weight instead.');
    }
    seen.add(`${host} ${port}`);
  }
}

function checkDiscovery(
  { endpoints = [], discovery }: UpstreamConfig,
  path: Path,
  hasControlPlane: boolean,
  report: Check,
): void {
  const sources = Object.keys(discovery ?? {});
  if (sources.length === 0 && endpoints.length === 0) {
    report.invalid(
      [...path, 'endpoints'],
      'nobody serves it',
      'Name an endpoint, or a source under `discovery`.',
    );
  }
  if (discovery !== undefined && sources.length !== 1) {
    report.conflict(
      [...path, 'discovery'],
      sources.length === 0 ? 'no source is named' : `${sources.join(' and ')} are two sources`,
      'Name one of file, dns and controlPlane.',
    );
  }
  const { dns, controlPlane } = discovery ?? {};
  if (dns?.record === 'address' && dns.port === undefined) {
    report.invalid([...path, 'discovery', 'dns'], 'addresses have no port', 'Name the `port`.');
  }
  if (controlPlane !== undefined && !hasControlPlane) {
    report.conflict(
      [...path, 'discovery', 'controlPlane'],
      'the sidecar has no control plane',
      'Name it under `controlPlane`.',
    );
  }
}

const HASHING = new Set<string | undefined>(['ring-hash', 'maglev']);

function checkBalancer({ balancer }: UpstreamConfig, path: Path, report: Check): void {
  if (balancer === undefined) return;
  const { kind, hashOn, tableSize } = balancer;
  const at: Path = [...path, 'balancer'];
  if (HASHING.has(kind) && hashOn === undefined) {
    report.invalid(at, `${kind} has no key`, 'Say under `hashOn` what the key is made of.');
  }
  if (!HASHING.has(kind) && hashOn !== undefined) {
    report.conflict([...at, 'hashOn'], `${kind} looks at no key`, 'Remove it, or take ring-hash or maglev.');
  }
  if ((hashOn?.from === 'header' || hashOn?.from === 'cookie') && hashOn.name === undefined) {
    report.invalid([...at, 'hashOn'], `no ${hashOn.from} is named`, 'Add its `name`.');
  }
  if (tableSize !== undefined && !TABLE_SIZES.includes(tableSize)) {
    report.invalid([...at, 'tableSize'], `${tableSize} is no size`, `Take one of ${TABLE_SIZES.join(', ')}.`);
  }
}

/** What the schema cannot say of an upstream. */
export function checkUpstream(
  upstream: UpstreamConfig,
  path: Path,
  context: { readonly hasControlPlane: boolean; readonly classes: readonly string[] | undefined },
  report: Check,
): void {
  checkEndpoints(upstream.endpoints ?? [], [...path, 'endpoints'], report);
  checkDiscovery(upstream, path, context.hasControlPlane, report);
  checkBalancer(upstream, path, report);
  const name = upstream.healthCheck?.class;
  if (name !== undefined && context.classes?.includes(name) === false) {
    report.invalid(
      [...path, 'healthCheck', 'class'],
      `there is no class ${name}`,
      'Name a class of the policy.',
    );
  }
}

/** Files of endpoints. */
export const endpointsKind: DocumentKind<EndpointsFile, EndpointsFile> = {
  name: 'endpoints',
  schema: endpointsFileSchema,
  resolve(file, report) {
    checkEndpoints(file.endpoints, ['endpoints'], report);
    return file;
  },
};

/** Reads a file of endpoints. @throws PriomeshError CONFIG_* */
export function loadEndpoints(file: string): Promise<EndpointsFile> {
  return loadDocument(endpointsKind, file);
}
