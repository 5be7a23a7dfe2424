import { type IncomingMessage, request } from 'node:http';

/** A status and the JSON value, or the text, that came with it. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** One request to a northbound, with whatever body: a test may send nonsense. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        const type = answer.headers['content-type'] ?? '';
        const read: unknown = type === 'application/json' ? JSON.parse(text) : text;
        resolve({ status: answer.statusCode ?? 0, type, body: read });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A server-sent event. */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A stream of server-sent events that is read while it is open. */
export interface EventStream extends Disposable {
  readonly status: number;
  /** All that has come. */
  readonly events: readonly ServerEvent[];
  /** Resolves with the first event, those that came before included, that satisfies the predicate. */
  until(predicate: (event: ServerEvent) => boolean): Promise<ServerEvent>;
}

function parseEvent(block: string): ServerEvent | undefined {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  if (fields['event'] === undefined || fields['data'] === undefined) return undefined;
  return { id: fields['id'] ?? '', event: fields['event'], data: JSON.parse(fields['data']) };
}

/** Opens `/v1/events`; resolves with the head of the answer. */
export function openEvents(socketPath: string): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/v1/events', agent: false }, (answer: IncomingMessage) => {
      const events: ServerEvent[] = [];
      const waiting = new Set<() => void>();
      let pending = '';
      let ended: Error | undefined;
      const wake = (): void => {
        for (const look of [...waiting]) look();
      };
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const blocks = (pending + chunk).split('\n\n');
        pending = blocks.pop() ?? '';
        for (const block of blocks) {
          const event = parseEvent(block);
          if (event !== undefined) events.push(event);
        }
        wake();
      });
      const end = (error?: Error): void => {
        ended = error ?? new Error('the stream ended');
        wake();
      };
      answer.on('error', end);
      answer.on('end', end);
      resolve({
        status: answer.statusCode ?? 0,
        events,
        until: (predicate) =>
          new Promise((found, lost) => {
            const look = (): void => {
              const event = events.find(predicate);
              if (event === undefined && ended === undefined) return;
              waiting.delete(look);
              if (event !== undefined) found(event);
              else lost(ended);
            };
            waiting.add(look);
            look();
          }),
        [Symbol.dispose]: () => {
          sent.destroy();
        },
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
