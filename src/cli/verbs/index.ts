import type { VerbEntry } from '../verb.ts';

/** Every verb, in the order of the help text. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: 'doctor',
    summary: 'say what this machine can do, and how to bring what it lacks',
    load: async () => (await import('./doctor.ts')).doctorVerb,
  },
  {
    name: 'plan',
    summary: 'say what an experiment would do: trials, time, and the exact commands of each layer',
    load: async () => (await import('./plan.ts')).planVerb,
  },
  {
    name: 'run',
    summary: 'run an experiment and publish its notebook and page',
    load: async () => (await import('./run.ts')).runVerb,
  },
  {
    name: 'report',
    summary: 'make summary, charts, notebook and page again from a results folder',
    load: async () => (await import('./report.ts')).reportVerb,
  },
  {
    name: 'sidecar',
    summary: 'run one sidecar beside a service',
    load: async () => (await import('./sidecar.ts')).sidecarVerb,
  },
  {
    name: 'control-plane',
    summary: 'run the control plane: hints, paths and the registry of services, to sidecars over gRPC',
    load: async () => (await import('./control-plane.ts')).controlPlaneVerb,
  },
  {
    name: 'bridge',
    summary: 'tell the mesh what an SDN controller sees: how congested each link is for each class',
    load: async () => (await import('./bridge.ts')).bridgeVerb,
  },
  {
    name: 'tap',
    summary: 'watch what sidecars do: a line for each request and message, with its class and why it has it',
    load: async () => (await import('./tap.ts')).tapVerb,
  },
  {
    name: 'top',
    summary: 'watch a run in progress: services, links, hints and moves, redrawn in place',
    load: async () => (await import('./top.ts')).topVerb,
  },
  {
    name: 'schema',
    summary: 'print a JSON Schema of what priomesh reads and writes',
    load: async () => (await import('./schema.ts')).schemaVerb,
  },
];
