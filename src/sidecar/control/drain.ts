import { CHANNEL_OPTIONS, type DrainRequest, loadControlProtocol } from '../../control-protocol/index.ts';
import { type Clock, messageOf } from '../../core/index.ts';

/** A control plane that does not answer holds nobody up for longer than this. */
const ANSWER_MS = 1500;

/**
 * Tells the control plane that an endpoint is about to go, and waits until all who follow it know.
 * @returns why not all of them do; undefined: they do
 */
export async function tellDrain(
  target: string,
  request: DrainRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { grpc, drain } = await loadControlProtocol();
  const client = new grpc.Client(target, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
  try {
    return await new Promise((resolve) => {
      const call = client.makeUnaryRequest(
        drain.path,
        drain.requestSerialize,
        drain.responseDeserialize,
        request,
        { deadline: new Date(clock.wallMs() + ANSWER_MS) },
        (error, response) => {
          if (error !== null) resolve(messageOf(error));
          else resolve(response?.told === true ? undefined : 'some have not taken it in');
        },
      );
      signal.addEventListener('abort', () => call.cancel(), { once: true });
    });
  } finally {
    client.close();
  }
}
