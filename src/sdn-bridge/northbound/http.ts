import { Client, type Dispatcher } from 'undici';
import { messageOf, PriomeshError } from '../../core/index.ts';
import { parseJson } from './json.ts';

/** Answers are never larger: a controller of hundreds of switches stays below it. */
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 2000;
/** A controller sends a comment each second; one that is silent for so long is gone. */
const SILENCE_MS = 3500;

/** What a request to a controller says. */
export interface NorthboundRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the URL of the controller; begins with `/`. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** An answer with a good status. */
export interface NorthboundAnswer {
  /** The value of the JSON body; undefined where there is none. */
  readonly body: unknown;
  readonly location: string | undefined;
}

function failed(what: string, why: string, cause?: unknown): PriomeshError {
  return new PriomeshError('NORTHBOUND_FAILED', `${what}: ${why}`, { cause });
}

async function textOf(body: AsyncIterable<Buffer>, what: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > ANSWER_LIMIT_BYTES)
      throw failed(what, `the answer is larger than ${ANSWER_LIMIT_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** An HTTP client of one controller, over TCP or a Unix socket. Everything is limited in size and time. */
export class NorthboundHttp {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param credentials `USER:PASSWORD`, sent as basic authentication (RFC 7617) */
  constructor(url: string, credentials?: string) {
    const timeouts = { headersTimeout: REQUEST_TIMEOUT_MS, connect: { timeout: REQUEST_TIMEOUT_MS } };
    if (url.startsWith('unix:')) {
      this.#client = new Client('http://localhost', { ...timeouts, socketPath: url.slice('unix:'.length) });
      this.#prefix = '';
    } else {
      const { origin, pathname } = new URL(url);
      this.#client = new Client(origin, timeouts);
      this.#prefix = pathname.replace(/\/$/, '');
    }
    this.#headers =
      credentials === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` };
  }

  /** Asks and reads the whole answer. @throws PriomeshError NORTHBOUND_FAILED for anything but a 2xx with JSON or nothing; ABORTED is not told apart */
  async request({ method, path, body, signal }: NorthboundRequest): Promise<NorthboundAnswer> {
    const what = `${method} ${path}`;
    const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    try {
      const answer = await this.#client.request({
        method,
        path: this.#prefix + path,
        headers: { ...this.#headers, accept: 'application/json', 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      });
      const text = await textOf(answer.body as AsyncIterable<Buffer>, what);
      if (answer.statusCode < 200 || answer.statusCode > 299) {
        throw failed(what, `${answer.statusCode} ${text.trim().slice(0, 300)}`);
      }
      const { location } = answer.headers;
      return {
        body: text.trim() === '' ? undefined : parseJson(text),
        location: typeof location === 'string' ? location : undefined,
      };
    } catch (error) {
      if (error instanceof PriomeshError) throw error;
      throw failed(what, messageOf(error), error);
    }
  }

  /** The text of an event stream as it comes, until the controller ends it or falls silent. @throws PriomeshError NORTHBOUND_FAILED */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const what = `GET ${path}`;
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.#client.request({
        method: 'GET',
        path: this.#prefix + path,
        headers: { ...this.#headers, accept: 'text/event-stream' },
        bodyTimeout: SILENCE_MS,
        signal,
      });
    } catch (error) {
      throw failed(what, messageOf(error), error);
    }
    if (answer.statusCode !== 200) {
      answer.body.on('error', () => {}).destroy();
      throw failed(what, `status ${answer.statusCode}`);
    }
    try {
      for await (const text of answer.body.setEncoding('utf8') as AsyncIterable<string>) yield text;
    } catch (error) {
      throw failed(what, messageOf(error), error);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#client.destroy();
  }
}
