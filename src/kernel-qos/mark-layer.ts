import {
  type Exec,
  type Layer,
  type Limitation,
  mustRun,
  type PlanStep,
  type Platform,
  PriomeshError,
  type Undo,
} from '../core/index.ts';
import { undoAll } from './kernel-layer.ts';
import { REFLECT_TOS_ON, REFLECT_TOS_READ, reflectTosArgv } from './reflect-tos.ts';

/** Whether the probe found that the setting can be changed; a platform that was not probed for it is taken at its best. */
function canReflect(platform: Platform): boolean {
  return !('reflectTos' in platform && platform.reflectTos === false);
}

const NO_SOCKET_OPTIONS: Limitation = {
  what: 'marks on packets',
  why: 'socket options cannot be set here',
  instead: 'packets leave unmarked',
};

const NO_REFLECTION: Limitation = {
  what: 'the mark of a SYN on the SYN-ACK that answers it (net.ipv4.tcp_reflect_tos)',
  why: '/proc/sys cannot be written here',
  instead: 'a SYN-ACK carries the mark of the listening socket; all later packets are marked',
};

/** Switches the reflection on at one node; the undo restores the value that stood there, not a constant. */
async function reflectOn(exec: Exec, node: string, signal: AbortSignal): Promise<Undo> {
  const previous = (await mustRun(exec, REFLECT_TOS_READ, { signal })).stdout.trim();
  if (!/^[01]$/.test(previous)) {
    throw new PriomeshError('COMMAND_FAILED', `net.ipv4.tcp_reflect_tos of ${node} is "${previous}"`);
  }
  await mustRun(exec, REFLECT_TOS_ON, { signal });
  let undone: Promise<unknown> | undefined;
  return async () => {
    undone ??= mustRun(exec, reflectTosArgv(previous));
    await undone;
  };
}

/** The `mark` column: packets carry their class's DSCP from the SYN on, in both directions. */
export const markLayer: Layer = {
  name: 'mark',

  plan(policy, platform, site) {
    if (!platform.socketOptions) {
      return {
        layer: 'mark',
        summary: 'nothing: socket options cannot be set here',
        steps: [],
        limitations: [NO_SOCKET_OPTIONS],
        served: false,
      };
    }
    const marks = policy.classes.map(({ name, mark }) => `${name} ${mark.dscpName} (${mark.dscp})`);
    const steps: PlanStep[] = policy.classes.map(({ name, mark }) => ({
      what: `sockets of class ${name} carry DSCP ${mark.dscpName} (${mark.dscp}), set before connect and on accept`,
      where: 'sidecar',
    }));
    const reflect = canReflect(platform);
    if (reflect) {
      for (const node of site.sidecarNodes) {
        steps.push({
          what: "SYN-ACKs carry the SYN's mark; the undo puts back the value that stood before, which is 0 unless somebody set it",
          where: node,
          command: REFLECT_TOS_ON,
          undo: reflectTosArgv('0'),
        });
      }
    }
    return {
      layer: 'mark',
      summary: `DSCP by class: ${marks.join(', ')}`,
      steps,
      limitations: reflect ? [] : [NO_REFLECTION],
      served: true,
    };
  },

  async apply(plan, context) {
    const undos: Undo[] = [];
    try {
      for (const step of plan.steps) {
        if (step.command === undefined) continue;
        undos.push(await reflectOn(context.execOn(step.where), step.where, context.signal));
      }
    } catch (error) {
      await undoAll(undos);
      throw error;
    }
    let undone: Promise<void> | undefined;
    return () => {
      undone ??= undoAll(undos);
      return undone;
    };
  },
};
