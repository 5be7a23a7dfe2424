import type {
  Layer,
  LayerPlan,
  Limitation,
  PlanStep,
  Policy,
  Reaction,
  RequestClass,
} from '../core/index.ts';

/** What a reaction's classes are, in order of rank. */
function rowsOf(policy: Policy, { classes }: Reaction): readonly RequestClass[] {
  return policy.classes.filter(({ name }) => classes.includes(name));
}

const listed = (rows: readonly RequestClass[]): string => rows.map(({ name }) => name).join(', ');

/** Those who leave a congested path first come first. */
function inOrder(rows: readonly RequestClass[]): readonly RequestClass[] {
  return rows.toSorted((a, b) => a.network.moveOrder - b.network.moveOrder);
}

function returning({ network }: RequestClass, policy: Policy): string {
  return network.path === 'default'
    ? `goes back when the first path has been calm for ${policy.network.damping.returnAfterMs} ms`
    : 'stays where it is when it is calm there';
}

const turn = (position: number): string => (position === 0 ? 'first' : `in step ${position + 1}`);

function bySidecar(policy: Policy, reaction: Reaction): readonly PlanStep[] {
  return inOrder(rowsOf(policy, reaction)).flatMap((row, position): PlanStep[] => {
    const { alternateDscp } = row.network;
    if (alternateDscp.length === 0) return [];
    const marks = alternateDscp.map((dscp, index) => `DSCP ${dscp} for path ${index + 2}`).join(', ');
    return [
      {
        where: 'sidecar',
        what: `${row.name} leaves a congested path ${turn(position)}: its connections, open ones too, get ${marks}; it ${returning(row, policy)}`,
      },
    ];
  });
}

function byController(policy: Policy, reaction: Reaction): readonly PlanStep[] {
  return inOrder(rowsOf(policy, reaction)).map((row, position) => ({
    where: 'controller',
    what: `packets with the mark of ${row.name} (DSCP ${row.mark.dscpName}) leave a congested path ${turn(position)}; the class ${returning(row, policy)}`,
  }));
}

function stepsOf(policy: Policy, reaction: Reaction, marks: boolean): readonly PlanStep[] {
  const rows = rowsOf(policy, reaction);
  switch (reaction.decide) {
    case 'path':
      if (!marks) return [];
      return reaction.owner === 'sidecar' ? bySidecar(policy, reaction) : byController(policy, reaction);
    case 'replica':
      return [
        {
          where: 'sidecar',
          what: `requests of ${listed(rows)} go to endpoints that are healthy and whose path is not congested, where there is one`,
        },
      ];
    case 'admission':
      return [
        {
          where: 'sidecar',
          what: `when no other path helps, at most ${reaction.sharePercent} % of the concurrency limit for ${listed(rows)}, for ${reaction.maxDurationMs} ms at most, where the layer queue is on`,
        },
      ];
  }
}

function decider({ decide, owner, classes }: Reaction): string {
  return `${decide} of ${classes.join(', ')} by the ${owner === 'sidecar' ? 'sidecars' : 'controller'}`;
}

const NO_MARKS: Limitation = {
  what: 'paths by class',
  why: 'socket options cannot be set here, and it is by their mark that packets take another path',
  instead: 'all packets take the default path',
};

/** Where one class cannot take another path, or not alone. */
function classLimitations(policy: Policy, reaction: Reaction): readonly Limitation[] {
  if (reaction.decide !== 'path') return [];
  return rowsOf(policy, reaction).flatMap((row): Limitation[] => {
    if (reaction.owner === 'sidecar') {
      if (row.network.alternateDscp.length > 0) return [];
      const why = 'no DSCP value is left that would mean another path (alternateDscp)';
      return [{ what: `another path for ${row.name}`, why, instead: 'it stays on the default path' }];
    }
    const same = policy.classes.filter((other) => other !== row && other.mark.dscp === row.mark.dscp);
    if (same.length === 0) return [];
    return [
      {
        what: `a path of its own for ${row.name}`,
        why: `${listed(same)} has the same mark (DSCP ${row.mark.dscpName}), and the controller sees nothing else`,
        instead: 'they move together',
      },
    ];
  });
}

function plan(policy: Policy, { socketOptions }: { readonly socketOptions: boolean }): LayerPlan {
  const { reactions } = policy.network;
  const steps = reactions.flatMap((reaction) => stepsOf(policy, reaction, socketOptions));
  const limitations = [
    ...(socketOptions || !reactions.some(({ decide }) => decide === 'path') ? [] : [NO_MARKS]),
    ...reactions.flatMap((reaction) => (socketOptions ? classLimitations(policy, reaction) : [])),
  ];
  const served = steps.length > 0;
  const { hints, damping } = policy.network;
  return {
    layer: 'network',
    served,
    summary: served
      ? `${reactions.map(decider).join('; ')}; a path is congested from level ${damping.congestedLevel} on (1 is ${hints.targetDelayMs} ms of queueing)`
      : 'nothing: no decision that could be taken here',
    steps,
    limitations,
  };
}

/** The column `network`: what is done about congestion that the switches report. Sidecars, bridge and controller do it by themselves. */
export const networkLayer: Layer = {
  name: 'network',
  plan,
  apply: async () => async () => {},
};
