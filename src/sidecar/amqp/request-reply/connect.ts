import { readFile } from 'node:fs/promises';
import type { ChannelModel } from 'amqplib';
import { messageOf, PriomeshError } from '../../../core/index.ts';
import { FRAME_BYTES, HEARTBEAT_SECONDS } from './limits.ts';

/** Whom a sidecar is to the broker where it speaks for itself. */
export interface BrokerAccess {
  readonly host: string;
  readonly port: number;
  readonly virtualHost: string;
  readonly userName: string;
  readonly password: string;
  readonly connectTimeoutMs: number;
}

/** The password when no file holds one: that of RabbitMQ's default user. */
const DEFAULT_PASSWORD = 'guest';

/** Reads the password of the broker's user. @throws PriomeshError CONFIG_NOT_FOUND, naming the file and never what is in it */
export async function readPassword(file: string | undefined): Promise<string> {
  if (file === undefined) return DEFAULT_PASSWORD;
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new PriomeshError('CONFIG_NOT_FOUND', `broker.passwordFile: ${messageOf(error)}`, {
      cause: error,
      fix: 'Name a file that the sidecar may read, or leave `passwordFile` out.',
    });
  }
}

/** Connects with amqplib, which is loaded when the first connection is made. @param name how the broker shows the connection */
export async function connectToBroker(access: BrokerAccess, name: string): Promise<ChannelModel> {
  const { connect } = await import('amqplib');
  const { host, port, virtualHost, userName, password, connectTimeoutMs } = access;
  return connect(
    {
      hostname: host,
      port,
      username: userName,
      password,
      // amqplib decodes it.
      vhost: encodeURIComponent(virtualHost),
      heartbeat: HEARTBEAT_SECONDS,
      frameMax: FRAME_BYTES,
    },
    { noDelay: true, timeout: connectTimeoutMs, clientProperties: { connection_name: name } },
  );
}
