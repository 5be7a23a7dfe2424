import type { ClassifierRule, Policy } from '../core/index.ts';
import { type DocumentKind, loadDocument, parseDocument, type Report } from './document.ts';
import { alternateMarks, checkNetwork, resolveNetwork } from './network-checks.ts';
import { checkPolicy, markedDscp, rowsByRank } from './policy-checks.ts';
import { type PolicyFile, policySchema } from './policy-schema.ts';
import { checkTraffic } from './traffic-checks.ts';

function resolveRule(
  rule: PolicyFile['ingress']['rules'][number],
  index: number,
  report: Report,
): ClassifierRule {
  const { headers, ...rest } = rule.match;
  const match =
    headers === undefined
      ? rest
      : {
          ...rest,
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
          ),
        };
  return {
    name: rule.name,
    class: rule.class,
    match,
    place: report.source.placeOf(['ingress', 'rules', index]),
  };
}

function resolvePolicy(file: PolicyFile, report: Report): Policy {
  checkPolicy(file, report);
  const rows = rowsByRank(file);
  checkNetwork(file, rows, report);
  checkTraffic(
    file.traffic,
    rows.map(([name]) => name),
    report,
  );
  const marks = rows.map(([, row]) => markedDscp(row.mark.dscp));
  const alternates = alternateMarks(rows, marks, report);
  const classes = rows.map(([name, row], index) => ({
    name,
    ...row,
    mark: { dscp: markedDscp(row.mark.dscp), dscpName: String(row.mark.dscp) },
    network: { ...row.network, alternateDscp: alternates[index] ?? [] },
  }));
  return {
    schema: file.schema,
    name: file.name,
    classes,
    queue: file.queue,
    broker: {
      ...file.broker,
      maxPriority:
        file.broker.maxPriority ??
        Math.max(1, ...Object.values(file.classes).map(({ broker }) => broker.priority)),
    },
    network: resolveNetwork(file, classes, report),
    routes: file.routes.map((route, index) => ({
      ...route,
      place: report.source.placeOf(['routes', index]),
    })),
    ...(file.traffic === undefined ? {} : { traffic: file.traffic }),
    ingress: {
      ...file.ingress,
      rules: file.ingress.rules.map((rule, index) => resolveRule(rule, index, report)),
    },
  };
}

/** Policies: `policies/*.yaml`. */
export const policyKind: DocumentKind<PolicyFile, Policy> = {
  name: 'policy',
  schema: policySchema,
  resolve: resolvePolicy,
};

/**
 * Reads a policy from YAML or JSON text. `file` is what places are reported in.
 * @returns the classes in order of rank, marks as numbers, defaults filled in, each rule with its place.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong.
 */
export function parsePolicy(text: string, file: string): Policy {
  return parseDocument(policyKind, text, file);
}

/** Reads a policy file; see {@link parsePolicy}. */
export async function loadPolicy(file: string): Promise<Policy> {
  return loadDocument(policyKind, file);
}
