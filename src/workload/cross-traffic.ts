import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Clock, messageOf, PriomeshError } from '../core/index.ts';
import {
  type CrossTrafficReceive,
  type CrossTrafficSend,
  FRAME_BYTES,
  HEADER_BYTES,
} from './cross-traffic-config.ts';

const PAYLOAD_BYTES = FRAME_BYTES - HEADER_BYTES;
/** How long it sleeps between two looks at what is due. */
const TICK_MS = 1;
/** What is overdue for longer than this is left out and counted: catching up would be a burst above the rate. */
const CATCH_UP_MS = 50;
/** For the packets of a few turns of the event loop. */
const RECEIVE_BUFFER_BYTES = 1 << 21;

/** What a sender says of itself. */
export interface SentReport {
  readonly packets: number;
  /** Frames as a queueing discipline counts them. */
  readonly wireBytes: number;
  /** Packets that were not sent, because their time was over when the process got to run. */
  readonly skipped: number;
  /** Packets that the kernel refused. */
  readonly refused: number;
  /** When the first packet left, after its time, milliseconds. */
  readonly lateMs: number;
}

/** What a sink says of itself. */
export interface ReceivedReport {
  readonly packets: number;
  readonly wireBytes: number;
}

function udpSocket(host: string): Socket {
  const type = host.includes(':') ? 'udp6' : 'udp4';
  return createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
}

/** How many packets of a rate are due after so much time; the first at once. */
export function packetsDue(rateBps: number, elapsedMs: number): number {
  return elapsedMs < 0 ? 0 : Math.floor((elapsedMs * rateBps) / (8000 * FRAME_BYTES)) + 1;
}

/**
 * Sends packets of one size at a constant rate for as long as the flow lasts, paced to a millisecond. Nothing waits for answers, and
 * nobody yields: what a sender does that knows no congestion control. Ends early when the signal fires.
 */
export async function sendCrossTraffic(
  config: CrossTrafficSend,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<SentReport> {
  const { target, rateBps, durationMs } = config;
  const startMs = config.originMs + config.startMs;
  const total = packetsDue(rateBps, durationMs) - 1;
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  const socket = udpSocket(target.host);
  let [next, sent, skipped, refused, lateMs] = [0, 0, 0, 0, 0];
  try {
    const connected = once(socket, 'connect');
    socket.connect(target.port, target.host);
    await connected;
    // A sink that is gone answers with ICMP; the flow goes on regardless.
    socket.on('error', () => {});
    await sleepUnlessAborted(clock, startMs - clock.nowMs(), signal);
    lateMs = Math.max(0, clock.nowMs() - startMs);
    while (next < total && !signal.aborted) {
      const elapsedMs = clock.nowMs() - startMs;
      const over = Math.min(total, packetsDue(rateBps, elapsedMs - CATCH_UP_MS));
      if (over > next) {
        skipped += over - next;
        next = over;
      }
      const due = Math.min(total, packetsDue(rateBps, elapsedMs));
      for (; next < due; next += 1) {
        payload.writeUInt32BE(next >>> 0, 0);
        sent += 1;
        socket.send(Buffer.from(payload), (error) => {
          if (error !== null) refused += 1;
        });
      }
      await sleepUnlessAborted(clock, TICK_MS, signal);
    }
  } finally {
    socket.close();
  }
  return { packets: sent, wireBytes: sent * FRAME_BYTES, skipped, refused, lateMs };
}

/** Listens for a flow and counts it until the signal fires; `onListening` is called once. */
export async function receiveCrossTraffic(
  { listen }: CrossTrafficReceive,
  { signal, onListening }: { signal: AbortSignal; onListening(): void },
): Promise<ReceivedReport> {
  const socket = udpSocket(listen.host);
  let [packets, wireBytes] = [0, 0];
  socket.on('message', (message) => {
    packets += 1;
    wireBytes += message.length + HEADER_BYTES;
  });
  try {
    const listening = once(socket, 'listening');
    socket.bind({ port: listen.port, address: listen.host, exclusive: true });
    await listening;
  } catch (error) {
    throw new PriomeshError('LISTEN_FAILED', `${listen.host}:${listen.port}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  socket.on('error', () => {});
  onListening();
  if (!signal.aborted) await once(signal, 'abort');
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return { packets, wireBytes };
}

async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!(error instanceof PriomeshError && error.code === 'ABORTED')) throw error;
  }
}
