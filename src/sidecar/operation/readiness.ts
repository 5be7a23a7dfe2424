import type { Phase } from '../opened.ts';

/** Whether a sidecar should be sent requests. */
export interface Readiness {
  readonly ready: boolean;
  /** Why, or why not. */
  readonly phase: Phase;
  readonly listening: { readonly inbound: boolean; readonly outbound: boolean; readonly broker: boolean };
  /** What is known of the stream from the control plane; it changes nothing about being ready. Null where there is none. */
  readonly controlPlane: Readonly<Record<string, unknown>> | null;
}
