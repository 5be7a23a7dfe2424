import type { Opened } from './opened.ts';
import type { Runtime } from './runtime.ts';

/** What can stop taking work, and resolves when it has none left. */
interface Drainable {
  drain(): Promise<void>;
}

/** Inbound first: to end a request that is inside, the application may still have to call others. */
async function drainInTurn(parts: readonly (Drainable | undefined)[]): Promise<void> {
  for (const part of parts) await part?.drain();
}

/** Serves new requests for a while, and lets no caller come again on the connection that it has. */
async function takeLeave({ runtime, inbound, outbound }: Opened): Promise<void> {
  for (const part of [inbound, outbound]) if (part !== undefined) part.live.leaving = true;
  const { drainDelayMs } = runtime.limits;
  if (drainDelayMs > 0) await runtime.clock.sleep(drainDelayMs);
}

/** Takes no more work, lets that which is under way end for `drainTimeoutMs` at most, and stops listening. */
export async function drainAll(opened: Opened): Promise<void> {
  const { runtime, broker, inbound, outbound } = opened;
  const internal = inbound?.internal?.listener;
  opened.phase = 'draining';
  runtime.network?.close();
  // Callers go elsewhere first: whoever closes while requests are still sent to it breaks some of them.
  await opened.control?.drain();
  await takeLeave(opened);
  for (const discovery of opened.discoveries.values()) await discovery.close();
  // Requests that came over connections may be in a queue now, and be served by this sidecar itself.
  const tcp = opened.tcp?.listeners ?? [];
  const drained = drainInTurn([
    ...tcp,
    inbound?.listener,
    broker?.requestReply,
    internal,
    outbound?.listener,
  ]);
  if (!(await within(runtime, drained))) {
    runtime.logger.log('warn', 'requests were still running when the drain timeout ended');
    for (const listener of [...tcp, inbound?.listener, internal, outbound?.listener]) listener?.destroy();
    await broker?.requestReply?.close();
    await drained;
  }
  opened.phase = 'drained';
}

/** Closes all that is open, whatever is under way. */
export async function closeAll(opened: Opened): Promise<void> {
  const { runtime, broker, inbound, outbound } = opened;
  runtime.network?.close();
  for (const discovery of opened.discoveries.values()) await discovery.close();
  const tcp = opened.tcp?.listeners ?? [];
  for (const listener of [...tcp, inbound?.listener, inbound?.internal?.listener, outbound?.listener]) {
    listener?.destroy();
  }
  await broker?.requestReply?.close();
  await opened.control?.close();
  for (const upstream of [
    ...(inbound?.way.upstreams ?? []),
    ...(outbound?.way.upstreams ?? []),
    ...(opened.tcp?.upstreams ?? []),
  ]) {
    upstream.destroy();
  }
  await opened.observers?.close();
  await runtime.tap?.close();
  await broker?.proxy.close();
  await runtime.close();
}

/** Whether something is over before the drain timeout. */
async function within({ clock, limits }: Runtime, something: Promise<void>): Promise<boolean> {
  const enough = new AbortController();
  const late = clock.sleep(limits.drainTimeoutMs, enough.signal).then(
    () => false,
    () => true,
  );
  const inTime = await Promise.race([something.then(() => true), late]);
  enough.abort();
  return inTime;
}
