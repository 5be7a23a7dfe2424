import { randomInt } from 'node:crypto';
import { type BridgeConfig, loadBridgeConfig } from '../config/index.ts';
import { type Logger, type Random, seededRandom, systemClock } from '../core/index.ts';
import { Bridge } from './bridge.ts';
import { openNetworkLog } from './network-log.ts';
import type { Northbound } from './northbound/northbound.ts';
import { priomeshNorthbound } from './northbound/priomesh.ts';
import { QdiscReader } from './qdisc/qdisc-reader.ts';

/** What a bridge in a process of its own acts through. */
export interface BridgeContext {
  readonly stdout: (text: string) => void;
  readonly logger: Logger;
  /** Ends the bridge. */
  readonly signal: AbortSignal;
}

/** Largest seed of core's random source, plus one. */
const SEED_BOUND = 2 ** 32;

function northboundOf({ northbound }: BridgeConfig, random: Random): Northbound {
  const { kind, url } = northbound;
  const options = { url, clock: systemClock, random: random.child('northbound') };
  switch (kind) {
    case 'priomesh':
    case 'ryu':
    case 'onos':
      return priomeshNorthbound(options);
  }
}

/**
 * Runs a bridge until the signal fires: prints `{"event":"ready"}` as a line when it works, also while the controller or the
 * control plane is away, and resolves when all is closed.
 * @throws PriomeshError CONFIG_* for a wrong file; FILE_FAILED when the log cannot be written
 */
export async function runBridge(file: string, { stdout, logger, signal }: BridgeContext): Promise<void> {
  const config = await loadBridgeConfig(file);
  const random = seededRandom(randomInt(SEED_BOUND));
  const log = await openNetworkLog(config.log, logger);
  const bridge = new Bridge(config, {
    northbound: northboundOf(config, random),
    sink: undefined,
    queues: new QdiscReader({ clock: systemClock, logger }),
    owner: undefined,
    log,
    clock: systemClock,
    logger,
  });
  stdout(`${JSON.stringify({ event: 'ready', pid: process.pid })}\n`);
  await bridge.run(signal);
}
