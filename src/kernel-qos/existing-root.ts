import { type BottleneckPort, type Exec, PriomeshError } from '../core/index.ts';
import type { CommandStep } from './port-plan.ts';
import { makeArgv, type QdiscObject, type QdiscSpec, removeArgv } from './tc-commands.ts';
import { type QdiscReadback, readTc } from './tc-readback.ts';

/** The handle of a qdisc that the kernel put there by itself and puts back by itself. */
const KERNEL_DEFAULT = '0:';

function numberOption(qdisc: QdiscReadback, name: string): number | undefined {
  const value = qdisc.options[name];
  return typeof value === 'number' ? value : undefined;
}

/** What has to be said to tc to make the same qdisc again, where it is simple enough that nothing is lost. */
function specOf(qdisc: QdiscReadback): QdiscSpec | undefined {
  const limit = numberOption(qdisc, 'limit');
  switch (qdisc.kind) {
    case 'pfifo':
      return limit === undefined ? undefined : { kind: 'pfifo', limitPackets: limit };
    case 'bfifo':
      return limit === undefined ? undefined : { kind: 'bfifo', limitBytes: limit };
    case 'pfifo_fast':
    case 'noqueue':
      return { kind: qdisc.kind };
    case 'tbf': {
      const [rate, burst, latencyUs] = ['rate', 'burst', 'lat'].map((name) => numberOption(qdisc, name));
      if (rate === undefined || burst === undefined || latencyUs === undefined) return undefined;
      const limitBytes = Math.round((rate * latencyUs) / 1e6) + burst;
      return { kind: 'tbf', rateBps: rate * 8, burstBytes: burst, limitBytes };
    }
    default:
      return undefined;
  }
}

function refuse(port: BottleneckPort, root: QdiscReadback): PriomeshError {
  return new PriomeshError(
    'QDISC_PRESENT',
    `${port.device} on ${port.node} already has the root qdisc ${root.kind} ${root.handle}, which priomesh cannot put back`,
    {
      fix: `Remove it (\`tc qdisc del dev ${port.device} root\`), recover the journal of the run that left it, or allow its replacement.`,
    },
  );
}

/**
 * The steps that make room at a port: none where the kernel's default stands; else the removal of what stands, with an
 * undo that makes it again. Rejects with QDISC_PRESENT where that cannot be done exactly, unless it may be replaced for good.
 */
export async function clearRootSteps(
  exec: Exec,
  port: BottleneckPort,
  replace: boolean,
): Promise<CommandStep[]> {
  const { device, node } = port;
  const { qdiscs } = await readTc(exec, [{ list: 'qdisc', device }]);
  const root = qdiscs.find((each) => each.parent === 'root');
  if (root === undefined || root.handle === KERNEL_DEFAULT) return [];
  // `0:` children are the queues that the kernel itself hangs into a qdisc without any.
  const children = qdiscs.filter(
    (each) => each !== root && !each.parent.startsWith('ffff:') && each.handle !== KERNEL_DEFAULT,
  );
  const spec = children.length === 0 ? specOf(root) : undefined;
  if (spec === undefined && !replace) throw refuse(port, root);
  const object: QdiscObject = {
    type: 'qdisc',
    device,
    parent: 'root',
    handle: root.handle,
    spec: spec ?? { kind: 'noqueue' },
  };
  const command = removeArgv(object);
  return [
    {
      what: `remove the ${root.kind} that stands at the root of ${device}`,
      where: node,
      command,
      undo: spec === undefined ? ['true'] : makeArgv(object),
    },
  ];
}
