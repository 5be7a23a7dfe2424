import { type ClassifierRule, type Policy, systemClock } from '../src/core/index.ts';
import { type Classifier, compileClassifier, type RequestFacts } from '../src/ingress-classifier/index.ts';
import { QUIET_NETWORK } from '../test/support/network-settings.ts';

/** What one request costs with few and with many rules. */
export interface ClassifierBenchResult {
  readonly rules: number;
  readonly nsPerRequest: number;
  readonly verificationsPerRequest: number;
}

/** How many different requests are classified in turn. */
const REQUESTS = 512;

function benchPolicy(ruleCount: number): Policy {
  const column = {
    slo: { latencyQuantile: 0.99 },
    queue: { deadlineMs: 1000, weight: 1, maxSharePercent: 100 },
    broker: { priority: 1 },
    transport: { congestionControl: ['cubic'] },
    mark: { dscp: 0, dscpName: 'CS0' },
    kernel: { sharePercent: 10, mayBorrow: true },
    network: { path: 'default', moveOrder: 0, alternateDscp: [] },
  } as const;
  const rules = Array.from({ length: ruleCount }, (_, index): ClassifierRule => {
    const place = { file: 'bench.yaml', line: index + 1, column: 1 };
    const base = { name: `rule-${index}`, class: index % 2 === 0 ? 'interactive' : 'batch', place };
    if (index % 5 === 4) return { ...base, match: { headers: { 'x-tenant': `tenant-${index}` } } };
    if (index % 5 === 3)
      return { ...base, match: { path: `/api/{version}/group-${index}/**`, method: ['GET'] } };
    return { ...base, match: { path: `/service-${index}/items/{id}`, method: ['GET', 'POST'] } };
  });
  return {
    schema: 'priomesh/policy/v1',
    name: 'bench',
    classes: [
      { name: 'interactive', rank: 0, ...column },
      { name: 'batch', rank: 5, ...column },
    ],
    queue: { mode: 'strict', concurrency: 8, capacity: 512, starvationMs: 5000 },
    broker: { maxPriority: 9, prefetch: 'governed', maxPrefetch: 64, starvationMs: 5000 },
    network: QUIET_NETWORK,
    routes: [],
    ingress: { defaultClass: 'batch', rules, trustedNetworks: [] },
  };
}

function benchRequests(ruleCount: number): readonly RequestFacts[] {
  return Array.from({ length: REQUESTS }, (_, index): RequestFacts => {
    const target = (index * 7919) % ruleCount;
    // Every eighth request is matched by no rule.
    const path =
      index % 8 === 0
        ? `/elsewhere/${index}`
        : target % 5 === 3
          ? `/api/v1/group-${target}/list`
          : `/service-${target}/items/${index}`;
    const tenant = target % 5 === 4 ? `tenant-${target}` : 'nobody';
    return {
      method: 'GET',
      path,
      query: '',
      host: 'frontend.example.org',
      bodyBytes: 0,
      sourceAddress: '10.1.2.3',
      urgency: -1,
      header: (name) => (name === 'x-tenant' ? tenant : undefined),
    };
  });
}

function measure(classifier: Classifier, requests: readonly RequestFacts[], rounds: number): number {
  let checksum = 0;
  const started = systemClock.nowMs();
  for (let round = 0; round < rounds; round += 1) {
    for (const facts of requests) checksum += classifier.classify(facts).classIndex;
  }
  const elapsedMs = systemClock.nowMs() - started;
  if (checksum < 0) throw new RangeError('a class index is negative');
  return (elapsedMs * 1e6) / (rounds * requests.length);
}

/**
 * Measures what classifying a request costs with 10 and with 1,000 rules: the least of nine interleaved rounds each, after a warm-up.
 *
 * @param rounds how often the set of 512 requests is classified in one round
 */
export function benchClassifier(rounds = 400): readonly ClassifierBenchResult[] {
  const subjects = [10, 1000].map((rules) => ({
    rules,
    classifier: compileClassifier(benchPolicy(rules)),
    requests: benchRequests(rules),
    nsPerRequest: Number.POSITIVE_INFINITY,
  }));
  for (const { classifier, requests } of subjects) measure(classifier, requests, rounds);
  for (let repeat = 0; repeat < 9; repeat += 1) {
    for (const subject of subjects) {
      const ns = measure(subject.classifier, subject.requests, rounds);
      subject.nsPerRequest = Math.min(subject.nsPerRequest, ns);
    }
  }
  return subjects.map(({ rules, classifier, nsPerRequest }) => ({
    rules,
    nsPerRequest,
    verificationsPerRequest: classifier.counters.verifications / classifier.counters.requests,
  }));
}

if (import.meta.main) {
  const results = benchClassifier();
  for (const { rules, nsPerRequest, verificationsPerRequest } of results) {
    process.stdout.write(
      `${String(rules).padStart(5)} rules  ${nsPerRequest.toFixed(0).padStart(5)} ns per request  ` +
        `${verificationsPerRequest.toFixed(2)} rules compared per request\n`,
    );
  }
  const [few, many] = results;
  if (few !== undefined && many !== undefined) {
    process.stdout.write(`ratio ${(many.nsPerRequest / few.nsPerRequest).toFixed(2)}\n`);
  }
}
