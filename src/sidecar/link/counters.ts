import type { LinkFault } from './frames.ts';

/** What is counted of all links of one side. All but `links` and `streams` only grow. */
export class LinkCounters {
  /** Links and streams that live now. */
  links = 0;
  streams = 0;
  linksOpened = 0;
  streamsOpened = 0;
  /** Links that ended otherwise than by agreement. */
  linksLost = 0;
  /** Peers that answered otherwise than a link does, and peers that could not be asked. */
  plainPeers = 0;
  failedAttempts = 0;
  /** By what the peer did wrong. */
  readonly faults = new Map<LinkFault | 'silent', number>();
  /** Writes, and bytes in them. */
  writes = 0;
  writtenBytes = 0;
  /** How often a stream had to wait because the link was full. */
  heldBack = 0;

  fault(name: LinkFault | 'silent'): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  statistics(): Readonly<Record<string, unknown>> {
    const { faults, ...numbers } = this;
    return { ...numbers, faults: Object.fromEntries(faults) };
  }
}
