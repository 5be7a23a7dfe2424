import amqp, { type ChannelModel } from 'amqplib';
import type { Address } from '../../../../src/config/index.ts';
import { normalForm, normalTranscript, type Variant } from '../../../support/amqp/normal-form.ts';
import { WireRecorder } from '../../../support/amqp/wire-recorder.ts';
import type { Scenario, Stage } from './scenario.ts';

/** What was seen of a scenario. */
export interface Playback {
  /** What the scenario said, in normal form. */
  readonly said: readonly unknown[];
  /** What the server said on each connection, in normal form. */
  readonly wire: readonly unknown[];
}

/** Plays a scenario against `target`, with `broker` behind it. */
export async function play(
  scenario: Scenario,
  target: Address,
  broker: Address,
  variant: Variant,
): Promise<Playback> {
  await using recorder = await WireRecorder.open(target);
  const said: unknown[] = [];
  const opened: ChannelModel[] = [];
  const open = async (to: Address, options: amqp.Options.Connect, extra: object): Promise<ChannelModel> => {
    const where = { hostname: to.host, port: to.port, vhost: encodeURIComponent(variant.virtualHost) };
    const connection = await amqp.connect(
      { username: 'guest', password: 'guest', ...where, ...options },
      { noDelay: true, ...extra },
    );
    connection.on('error', () => undefined);
    opened.push(connection);
    return connection;
  };
  const here = { host: '127.0.0.1', port: recorder.port };
  const stage: Stage = {
    ...here,
    virtualHost: variant.virtualHost,
    brokerHost: broker.host,
    brokerPort: broker.port,
    say: (what, value) => said.push(normalForm([what, value], variant)),
    connect: (options = {}, extra = {}) => open(here, options, extra),
    connectDirectly: () => open(broker, {}, {}),
    heartbeats: () => recorder.transcripts.reduce((sum, { heartbeats }) => sum + heartbeats, 0),
    until: (condition) => recorder.until(condition),
  };
  try {
    await scenario.run(stage);
  } finally {
    for (const connection of opened) await connection.close().catch(() => undefined);
  }
  if (recorder.faults.length > 0) throw new Error(recorder.faults.join('; '));
  const wire =
    scenario.ownWordsOnly === true ? [] : recorder.transcripts.map((one) => normalTranscript(one, variant));
  return { said, wire };
}
