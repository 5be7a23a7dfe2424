import {
  type Address,
  type CrossTraffic,
  nodesOf,
  SIDECAR_LAYERS,
  type SidecarConfig,
} from '../config/index.ts';
import type { Lab } from '../lab/index.ts';
import type { ApplicationConfig, CrossTrafficConfig, GeneratorConfig } from '../workload/index.ts';
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
/** The ports that sinks of cross traffic listen on begin here. */
const CROSS_TRAFFIC_PORT = 9000;
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
  /** Where cross traffic ends. */
  readonly sinks: readonly ProcessConfiguration<CrossTrafficConfig>[];
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
  /** Where the control plane listens; absent in an arm without hints. */
  readonly controlPlane?: string;
}

/** One instance of a service. */
interface Replica {
  /** The service's name; for the second and on followed by its number. */
  readonly name: string;
  readonly service: string;
  readonly node: string;
}

/** Every instance of every service, in the order of the graph and of the placement. */
function replicasOf({ source }: ExperimentPlan): readonly Replica[] {
  return Object.keys(source.graph.services).flatMap((service) =>
    nodesOf(source.experiment, service).map((node, index) => ({
      name: index === 0 ? service : `${service}-${index + 1}`,
      service,
      node,
    })),
  );
}

/** The names of the sidecars of an arm. */
export function sidecarNames(plan: ExperimentPlan, arm: ArmPlan): string[] {
  return arm.sidecars ? replicasOf(plan).map(({ name }) => `sidecar-${name}`) : [];
}

/** What the sender of a flow is told, once it is known when the schedule began. */
export function configureSender(
  plan: ExperimentPlan,
  flow: CrossTraffic,
  sink: ProcessConfiguration<CrossTrafficConfig>,
  originMs: number,
): ProcessConfiguration<CrossTrafficConfig> {
  if (sink.config.role !== 'receive') throw new RangeError(`${sink.name} does not receive`);
  const { warmupMs, measureMs } = plan.form;
  return {
    name: `cross-traffic-${flow.name}`,
    node: flow.from,
    config: {
      role: 'send',
      name: flow.name,
      target: sink.config.listen,
      rateBps: flow.rateBps,
      originMs,
      startMs: warmupMs + flow.startMs,
      durationMs: Math.min(flow.durationMs, measureMs - flow.startMs),
    },
  };
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
  { file, tapSocket, broker, controlPlane }: TrialPlaces,
): TrialConfiguration {
  const { experiment, graph } = plan.source;
  const services = Object.keys(graph.services);
  const nodeOf = (name: string): string => nodesOf(experiment, name)[0] as string;
  const addressOfNode = (name: string): string => {
    const node = lab.nodes[name];
    if (node === undefined) throw new RangeError(`the topology has no node ${name}`);
    return node.address;
  };
  const addressOf = (name: string): string => addressOfNode(nodeOf(name));
  const loopbackOn = (node: string): string => (lab.kind === 'local' ? addressOfNode(node) : '127.0.0.1');
  const at = (host: string, port: number): Address => ({ host, port });

  const usesMessages = (service: string): boolean => {
    const { consumes, routes } = graph.services[service] ?? { routes: [] };
    return consumes !== undefined || routes.some(({ calls }) => calls.some(({ via }) => via === 'amqp'));
  };

  const replicas = replicasOf(plan);
  const applications = replicas.map(({ name, service, node }) => ({
    name: `application-${name}`,
    node,
    config: {
      graph,
      service,
      listen: at(arm.sidecars ? loopbackOn(node) : addressOfNode(node), APPLICATION_PORT),
      upstreams: Object.fromEntries(
        services.map((other) => [
          other,
          arm.sidecars ? at(loopbackOn(node), OUTBOUND_PORT) : at(addressOf(other), APPLICATION_PORT),
        ]),
      ),
      baselineCongestionControl: experiment.baselineCongestionControl,
      ...(broker === undefined || !usesMessages(service)
        ? {}
        : {
            broker: {
              address: arm.sidecars ? at(loopbackOn(node), MESSAGES_PORT) : broker.address,
              virtualHost: broker.virtualHost,
            },
          }),
    },
  }));

  // No links: requests of one class would share a connection, and with it one congestion window. What arms are compared by is that each
  // request has a connection of its own while it is under way.
  const upstreams = Object.fromEntries(
    services.map((service) => [
      service,
      {
        endpoints: nodesOf(experiment, service).map((node) => at(addressOfNode(node), INBOUND_PORT)),
        link: 'off' as const,
      },
    ]),
  );
  const sidecars = !arm.sidecars
    ? []
    : replicas.map(({ name, service, node }) => ({
        name: `sidecar-${name}`,
        node,
        config: {
          service,
          policy: arm.policy,
          layers: SIDECAR_LAYERS.filter((layer) => arm.layers.includes(layer)),
          inbound: {
            listen: at(addressOfNode(node), INBOUND_PORT),
            application: at(loopbackOn(node), APPLICATION_PORT),
            ingress: service === experiment.entry,
          },
          outbound: { listen: at(loopbackOn(node), OUTBOUND_PORT), upstreams },
          ...(broker === undefined
            ? {}
            : { broker: { ...broker, listen: at(loopbackOn(node), MESSAGES_PORT) } }),
          ...(controlPlane === undefined
            ? {}
            : { controlPlane: { target: controlPlane, node: addressOfNode(node) } }),
          tap: { socket: tapSocket(`sidecar-${name}`) },
          baselineCongestionControl: experiment.baselineCongestionControl,
          statistics: { file: file(`sidecar-${name}.jsonl`), intervalMs: STATISTICS_INTERVAL_MS },
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
    sinks: arm.crossTraffic.map(({ name, to }) => ({
      name: `sink-${name}`,
      node: to,
      config: {
        role: 'receive',
        name,
        listen: at(
          addressOfNode(to),
          CROSS_TRAFFIC_PORT + experiment.crossTraffic.findIndex((one) => one.name === name),
        ),
      },
    })),
  };
}
