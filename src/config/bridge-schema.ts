import type { z } from 'zod';
import type { Policy } from '../core/index.ts';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';
import { resolvedPolicySchema } from './sidecar-schema.ts';

/** The controllers that the bridge speaks to. */
export const NORTHBOUND_KINDS = ['priomesh', 'ryu', 'onos'] as const;

/** A directed link, as in {@link Hint.link}. */
const LINK = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}>[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/;

function northboundSchema() {
  const z = zod();
  const f = fields();
  const node = z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/, 'the name of a switch, such as s1')
    .meta({ examples: ['s1'] });
  return z
    .strictObject({
      kind: z
        .enum(NORTHBOUND_KINDS)
        .describe("`priomesh`: topologies/controller.py; `ryu`: Ryu's ofctl_rest; `onos`: ONOS."),
      url: z
        .string()
        .max(500)
        .regex(
          /^(?:unix:\/.{1,107}|https?:\/\/[^\s/@]{1,255}(?:\/[^\s@]*)?)$/,
          'unix:/PATH, or http://HOST:PORT without a user',
        )
        .meta({ examples: ['unix:/run/priomesh/controller.sock', 'http://127.0.0.1:8181'] })
        .describe('Where it is served.'),
      credentialsFile: z.exactOptional(
        f.fileName.describe(
          'A file whose first line is USER:PASSWORD, sent as HTTP basic authentication (ONOS). Nobody else should be able to read it.',
        ),
      ),
      switches: z.exactOptional(
        z
          .record(z.string().regex(/^[0-9a-f]{16}$/, 'a datapath id: 16 hexadecimal digits'), node)
          .describe(
            '`ryu` and `onos`: what the switches are called, by datapath id. Default: `s` and the number, as Mininet calls them.',
          ),
      ),
      paths: z.exactOptional(
        z
          .array(
            z
              .strictObject({
                id: f.name.describe('The name of the path.'),
                switches: z.array(node).min(2).max(64).describe('The switches, from one edge to the other.'),
              })
              .describe('One path.'),
          )
          .min(1)
          .max(256)
          .describe(
            '`ryu` and `onos`, which know no paths: the paths between edges, of each pair first the one that unsteered packets take. Default: the shortest ones.',
          ),
      ),
    })
    .describe('The SDN controller.');
}

function schemaWith<PolicySchema extends z.ZodType>(policy: PolicySchema) {
  const z = zod();
  const f = fields();
  const classid = z
    .string()
    .regex(
      /^[0-9a-f]{1,4}:[0-9a-f]{0,4}$/,
      'the id of a class or the handle of a queue, as tc(8) writes it: 1:10 or 10:',
    )
    .meta({ examples: ['1:10'] });
  return z.strictObject({
    northbound: northboundSchema(),
    controlPlane: z.exactOptional(
      z
        .strictObject({
          target: f
            .text(200)
            .meta({ examples: ['unix:/run/priomesh/control-plane.sock', '127.0.0.1:15010'] })
            .describe('Where the control plane listens: `unix:PATH`, or host and port.'),
        })
        .describe(
          'Who is told. Absent: nobody; the bridge only watches, and moves what the controller owns.',
        ),
    ),
    policy,
    ports: z
      .array(
        z
          .strictObject({
            link: z
              .string()
              .regex(LINK, 'a directed link, such as s1>s2')
              .describe('The directed link that leaves by this port.'),
            device: z.exactOptional(
              z
                .string()
                .regex(/^[^\s/:]{1,15}$/, 'the name of a network interface')
                .describe(
                  'The interface of this machine, in this network namespace, whose queueing disciplines hold what waits for the link. Absent: nobody sees its queue, and the link counts as congested when it is used almost wholly.',
                ),
            ),
            rateBps: f.bitsPerSecond.describe('The rate of the link, bits per second.'),
            classes: z.exactOptional(
              z
                .record(f.name, classid)
                .describe(
                  'Where the queue of each class is: the class that it hangs under, or its own handle. Absent: one queue for all.',
                ),
            ),
          })
          .describe('One port.'),
      )
      .max(1024)
      .default([])
      .describe(
        'What is known of links beside what the controller tells: their rates, and where their queues are.',
      ),
    log: z.exactOptional(
      f.fileName.describe(
        'The file that hints, moves and the state of the links are appended to, as JSON lines.',
      ),
    ),
  });
}

/** What a bridge is told when it starts, by a program: the policy is embedded, resolved. */
export const bridgeSchema = lazy(() =>
  schemaWith(resolvedPolicySchema()).meta({
    title: 'priomesh bridge configuration',
    description: 'What the bridge to an SDN controller is told when it starts.',
  }),
);

/** What a bridge is told when it starts, by a person: the policy is the name of a file. */
export const bridgeFileSchema = lazy(() =>
  schemaWith(fields().fileName.describe('The policy file, relative to this file.')).meta({
    title: 'priomesh bridge configuration, written by hand',
    description:
      'What the bridge to an SDN controller is told when it starts; the policy stands in a file of its own.',
  }),
);

type Parsed = DeepReadonly<z.output<ReturnType<typeof bridgeSchema>>>;

/** A configuration whose policy has not been read yet. */
export type BridgeFile = DeepReadonly<z.output<ReturnType<typeof bridgeFileSchema>>>;
/** The configuration of a bridge: a controller, the resolved policy, ports to look at, and whom to tell. */
export type BridgeConfig = Omit<Parsed, 'policy'> & { readonly policy: Policy };
