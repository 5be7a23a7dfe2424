import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type BridgeConfig, loadBridgeConfig } from '../config/index.ts';
import { openReport } from '../control-plane/index.ts';
import { CONTROL_LIMITS } from '../control-protocol/index.ts';
import {
  type DaemonContext,
  type Logger,
  messageOf,
  PriomeshError,
  type Random,
  seededRandom,
  systemClock,
} from '../core/index.ts';
import { HintTable, PathChooser } from '../reactions/index.ts';
import { Bridge, type HintSink } from './bridge.ts';
import { type NetworkLog, openNetworkLog } from './network-log.ts';
import { NorthboundHttp } from './northbound/http.ts';
import type { Northbound } from './northbound/northbound.ts';
import { onosController } from './northbound/onos.ts';
import { polledNorthbound } from './northbound/polled.ts';
import { priomeshNorthbound } from './northbound/priomesh.ts';
import { ryuController } from './northbound/ryu.ts';
import { QdiscReader } from './qdisc/qdisc-reader.ts';
import { type Chooser, RouteOwner } from './route-owner.ts';

/** Largest seed of core's random source, plus one. */
const SEED_BOUND = 2 ** 32;

/** The first line of a file. @throws PriomeshError CONFIG_NOT_FOUND, CONFIG_INVALID */
async function credentialsOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new PriomeshError('CONFIG_NOT_FOUND', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const [line = ''] = text.split(/\r?\n/, 1);
  if (!/^[^:\s]{1,255}:.{0,255}$/.test(line)) {
    throw new PriomeshError('CONFIG_INVALID', `the first line of ${file} is not USER:PASSWORD`);
  }
  return line;
}

async function northboundOf(
  { northbound, policy, ports }: BridgeConfig,
  random: Random,
): Promise<Northbound> {
  const { kind, url, switches = {}, paths } = northbound;
  const common = { clock: systemClock, random: random.child('northbound') };
  if (kind === 'priomesh') return priomeshNorthbound({ url, ...common });
  const http = new NorthboundHttp(url, await credentialsOf(northbound.credentialsFile));
  return polledNorthbound({
    ...common,
    controller: kind === 'ryu' ? ryuController(http) : onosController(http),
    intervalMs: policy.network.hints.intervalMs,
    switches,
    paths,
    rates: new Map(ports.map(({ link, rateBps }) => [link, rateBps])),
  });
}

function sinkOf(
  { controlPlane }: BridgeConfig,
  random: Random,
  log: NetworkLog,
  logger: Logger,
): HintSink | undefined {
  if (controlPlane === undefined) return undefined;
  return openReport({
    target: controlPlane.target,
    clock: systemClock,
    random: random.child('report'),
    logger,
    onState: (connected) =>
      log.write({ event: connected ? 'found' : 'lost', timeMs: systemClock.nowMs(), what: 'control-plane' }),
  });
}

/** The positions of the classes whose path the controller owns. */
function ownedClasses({ policy }: BridgeConfig): number[] {
  const names = policy.network.reactions
    .filter(({ decide, owner }) => decide === 'path' && owner === 'controller')
    .flatMap(({ classes }) => classes);
  return [...policy.classes.entries()].flatMap(([index, { name }]) => (names.includes(name) ? [index] : []));
}

function chooserOf({ policy }: BridgeConfig, classIndices: readonly number[], random: Random): Chooser {
  const hints = new HintTable({
    classes: policy.classes.map(({ name }) => name),
    capacity: CONTROL_LIMITS.links,
  });
  const { classes, network } = policy;
  const chooser = new PathChooser({
    classes,
    classIndices,
    damping: network.damping,
    hints,
    random: random.child('chooser'),
  });
  return {
    accept: (hint, nowMs) => {
      hints.accept(hint, nowMs);
    },
    setPeers: (peers, nowMs) => chooser.setPeers(peers, nowMs),
    decide: (nowMs) => chooser.decide(nowMs),
  };
}

/**
 * Runs a bridge until the signal fires: prints `{"event":"ready"}` as a line when it works, also while the controller or the
 * control plane is away, and resolves when all is closed.
 * @throws PriomeshError CONFIG_* for a wrong file; FILE_FAILED when the log cannot be written
 */
export async function runBridge(file: string, { stdout, logger, signal }: DaemonContext): Promise<void> {
  const config = await loadBridgeConfig(file);
  const random = seededRandom(randomInt(SEED_BOUND));
  const log = await openNetworkLog(config.log, logger);
  const northbound = await northboundOf(config, random);
  const owned = ownedClasses(config);
  const owner =
    owned.length === 0
      ? undefined
      : new RouteOwner({
          classes: config.policy.classes,
          chooser: chooserOf(config, owned, random),
          northbound,
          log,
          clock: systemClock,
          logger,
        });
  const bridge = new Bridge(config, {
    northbound,
    sink: sinkOf(config, random, log, logger),
    queues: new QdiscReader({ clock: systemClock, logger }),
    owner,
    log,
    clock: systemClock,
    logger,
  });
  stdout(`${JSON.stringify({ event: 'ready', pid: process.pid })}\n`);
  await bridge.run(signal);
}
