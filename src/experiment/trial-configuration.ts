import { type Address, nodesOf, SIDECAR_LAYERS, type SidecarConfig } from '../config/index.ts';
import type { Lab } from '../lab/index.ts';
import type { ApplicationConfig, GeneratorConfig } from '../workload/index.ts';
import type { ArmPlan, ExperimentPlan } from './plan.ts';
import type { ScheduledTrial } from './schedule.ts';

/** The port of a sidecar that requests for its service arrive at. */
const INBOUND_PORT = 15006;
/** The port of a sidecar that its own service calls others through. */
const OUTBOUND_PORT = 15001;
/** The port of a sidecar that the message clients of its own service connect to. */
const MESSAGES_PORT = 15002;
/** The port of an application. */
const APPLICATION_PORT = 8080;
/** How often a sidecar writes its counters. */
const STATISTICS_INTERVAL_MS = 500;

/** One process of a trial: where it runs and what it is told. */
export interface ProcessConfiguration<Config> {
  readonly name: string;
  readonly node: string;
  readonly config: Config;
}

/** Every process of a trial. Pure data, kept in the trial's folder. */
export interface TrialConfiguration {
  readonly applications: readonly ProcessConfiguration<ApplicationConfig>[];
  readonly sidecars: readonly ProcessConfiguration<SidecarConfig>[];
  readonly generator: ProcessConfiguration<GeneratorConfig>;
}

/** The message broker as the processes of one trial use it. */
export interface TrialBroker {
  readonly address: Address;
  /** The trial's own. */
  readonly virtualHost: string;
  readonly userName: string;
}

/** What a trial's processes need to know beside its plan. */
export interface TrialPlaces {
  /** Names a file in the trial's folder. */
  file(name: string): string;
  /** Names the Unix socket on which a sidecar lets somebody watch. */
  tapSocket(sidecar: string): string;
  /** Absent in an arm that sends no messages. */
  readonly broker?: TrialBroker;
}

/**
 * Works out what each process of a trial is told. Without sidecars the services call each other and the generator calls
 * the entry service directly; with them every call passes the caller's and the callee's sidecar, and so does every message.
 */
export function configureTrial(
  plan: ExperimentPlan,
  arm: ArmPlan,
  trial: ScheduledTrial,
  lab: Lab,
  { file, tapSocket, broker }: TrialPlaces,
): TrialConfiguration {
  const { experiment, graph } = plan.source;
  const services = Object.keys(graph.services);
  const nodeOf = (name: string): string => nodesOf(experiment, name)[0] as string;
  const addressOf = (name: string): string => {
    const node = lab.nodes[nodeOf(name)];
    if (node === undefined) throw new RangeError(`the topology has no node ${nodeOf(name)} for ${name}`);
    return node.address;
  };
  const loopbackOf = (name: string): string => (lab.kind === 'local' ? addressOf(name) : '127.0.0.1');
  const at = (host: string, port: number): Address => ({ host, port });

  const usesMessages = (service: string): boolean => {
    const { consumes, routes } = graph.services[service] ?? { routes: [] };
    return consumes !== undefined || routes.some(({ calls }) => calls.some(({ via }) => via === 'amqp'));
  };

  const applications = services.map((service) => ({
    name: `application-${service}`,
    node: nodeOf(service),
    config: {
      graph,
      service,
      listen: at(arm.sidecars ? loopbackOf(service) : addressOf(service), APPLICATION_PORT),
      upstreams: Object.fromEntries(
        services.map((other) => [
          other,
          arm.sidecars ? at(loopbackOf(service), OUTBOUND_PORT) : at(addressOf(other), APPLICATION_PORT),
        ]),
      ),
      baselineCongestionControl: experiment.baselineCongestionControl,
      ...(broker === undefined || !usesMessages(service)
        ? {}
        : {
            broker: {
              address: arm.sidecars ? at(loopbackOf(service), MESSAGES_PORT) : broker.address,
              virtualHost: broker.virtualHost,
            },
          }),
    },
  }));

  const upstreams = Object.fromEntries(
    services.map((service) => [service, { endpoints: [at(addressOf(service), INBOUND_PORT)] }]),
  );
  const sidecars = !arm.sidecars
    ? []
    : services.map((service) => ({
        name: `sidecar-${service}`,
        node: nodeOf(service),
        config: {
          service,
          policy: arm.policy,
          layers: SIDECAR_LAYERS.filter((layer) => arm.layers.includes(layer)),
          inbound: {
            listen: at(addressOf(service), INBOUND_PORT),
            application: at(loopbackOf(service), APPLICATION_PORT),
            ingress: service === experiment.entry,
          },
          outbound: { listen: at(loopbackOf(service), OUTBOUND_PORT), upstreams },
          ...(broker === undefined
            ? {}
            : { broker: { ...broker, listen: at(loopbackOf(service), MESSAGES_PORT) } }),
          tap: { socket: tapSocket(`sidecar-${service}`) },
          baselineCongestionControl: experiment.baselineCongestionControl,
          statistics: { file: file(`sidecar-${service}.jsonl`), intervalMs: STATISTICS_INTERVAL_MS },
        },
      }));

  return {
    applications,
    sidecars,
    generator: {
      name: 'generator',
      node: nodeOf('generator'),
      config: {
        target: at(addressOf(experiment.entry), arm.sidecars ? INBOUND_PORT : APPLICATION_PORT),
        host: experiment.entry,
        workloads: arm.workloads,
        seed: trial.seed,
        lateMs: experiment.audit.lateAfterMs,
        warmupMs: plan.form.warmupMs,
        measureMs: plan.form.measureMs,
        drainMs: plan.form.drainMs,
        requestsFile: file('requests.csv.gz'),
        throughputFile: file('throughput.csv'),
      },
    },
  };
}
