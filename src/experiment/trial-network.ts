import type { BridgeConfig, ControlPlaneConfig } from '../config/index.ts';
import { CONTROL_PLANE_MAIN } from '../control-plane/index.ts';
import type { NetworkPath } from '../core/index.ts';
import { type AppliedPort, BASELINE_CLASS } from '../kernel-qos/index.ts';
import type { Controller, Lab } from '../lab/index.ts';
import { BRIDGE_MAIN } from '../sdn-bridge/index.ts';
import type { ArmPlan, ExperimentPlan } from './plan.ts';
import type { ProcessConfiguration } from './trial-configuration.ts';

/** The names of what tells a mesh of its network. */
export const CONTROLLER = 'controller';
export const CONTROL_PLANE = 'control-plane';
const BRIDGE = 'bridge';
/** The file in a trial's folder that the bridge writes. */
export const NETWORK_LOG = 'network.jsonl';
/** A node of the laboratory whose network namespace is the switches' own, so that their ports can be read there. */
const SWITCH_NODE = 's1';

/** What a trial's network is made from. */
export interface NetworkPlaces {
  readonly lab: Lab;
  readonly ports: readonly AppliedPort[];
  readonly controller: Controller;
  /** Where the control plane is to listen: `unix:PATH`; undefined in an arm in which nobody is told. */
  readonly controlPlane: string | undefined;
  file(name: string): string;
}

/** A process and the script that it runs. */
export interface NetworkProcess {
  readonly main: string;
  readonly process: ProcessConfiguration<BridgeConfig | Pick<ControlPlaneConfig, 'listen' | 'classes'>>;
}

/**
 * Gives the controller the routes that an arm begins with, and starts it again where it died in the trial before. The marks of other paths are
 * steered where sidecars may use them. Gives the paths, the default one first.
 */
export async function setRoutes(
  controller: Controller,
  arm: ArmPlan,
  signal: AbortSignal,
): Promise<readonly NetworkPath[]> {
  if (!controller.running) await controller.restart(signal);
  const { paths } = await controller.topology();
  const marks = arm.usesHints
    ? arm.policy.classes.flatMap(({ network }) =>
        network.alternateDscp.flatMap((dscp, index) => {
          const path = paths[index + 1];
          return path === undefined ? [] : [[String(dscp), path.id] as const];
        }),
      )
    : [];
  await controller.setRoutes({ spread: arm.spread ?? 'default', marks: Object.fromEntries(marks) });
  return paths.map(({ id, forward, backward }) => ({ id, links: [...forward, ...backward] }));
}

/**
 * What control plane and bridge of a trial are told, in the order in which they are started. The bridge runs in every arm, so that all have its
 * load and its records; where nobody is told it only looks.
 */
export function configureNetwork(
  { source: { experiment } }: ExperimentPlan,
  arm: ArmPlan,
  { lab, ports, controller, controlPlane, file }: NetworkPlaces,
): readonly NetworkProcess[] {
  const bridge: BridgeConfig = {
    northbound: { kind: 'priomesh', url: controller.url },
    ...(controlPlane === undefined ? {} : { controlPlane: { target: controlPlane } }),
    policy: {
      ...arm.policy,
      network: {
        ...arm.policy.network,
        ...(arm.usesHints ? {} : { reactions: [] }),
        hints: {
          ...arm.policy.network.hints,
          intervalMs: experiment.controller?.pollMs ?? arm.policy.network.hints.intervalMs,
        },
      },
    },
    ports: lab.links.flatMap(({ id, device, rateBps, portLabel }) => {
      const applied = ports.find(({ plan }) => plan.port.label === portLabel);
      if (applied === undefined || rateBps === null) return [];
      const classes = applied.plan.classes.filter(({ dscp }) => dscp !== undefined);
      const isBaseline = applied.plan.classes.some(({ className }) => className === BASELINE_CLASS);
      return [
        {
          link: id,
          device,
          rateBps,
          ...(isBaseline
            ? {}
            : { classes: Object.fromEntries(classes.map(({ className, classid }) => [className, classid])) }),
        },
      ];
    }),
    log: file(NETWORK_LOG),
  };
  const watching = { main: BRIDGE_MAIN, process: { name: BRIDGE, node: SWITCH_NODE, config: bridge } };
  if (controlPlane === undefined) return [watching];
  const classes = arm.policy.classes.map(({ name }) => name);
  const config = { listen: controlPlane, classes };
  return [
    { main: CONTROL_PLANE_MAIN, process: { name: CONTROL_PLANE, node: SWITCH_NODE, config } },
    watching,
  ];
}
