import type net from 'node:net';
import type { Address } from '../../config/index.ts';

/** Opens a connection for a check, with the marks of the class that checks have. */
export type Dial = (address: Address) => net.Socket;

/** What becomes of a check: healthy or not. Called once. */
export type Verdict = (healthy: boolean) => void;

/** Asks one endpoint once. Ends the check when the returned function is called; the verdict is then not given. */
export type Check = (address: Address, verdict: Verdict) => () => void;

/** A head that is longer than this without its first line is no answer. */
const MAX_STATUS_LINE_BYTES = 256;

/** Asks over one connection; `greet` speaks when it stands, `hear` judges what comes. */
function over(
  dial: Dial,
  address: Address,
  verdict: Verdict,
  speak: (socket: net.Socket, decide: Verdict) => void,
): () => void {
  let done = false;
  const socket = dial(address);
  const decide: Verdict = (healthy) => {
    if (done) return;
    done = true;
    socket.destroy();
    verdict(healthy);
  };
  socket.once('connect', () => speak(socket, decide));
  socket.on('error', () => decide(false));
  socket.once('close', () => decide(false));
  return () => {
    done = true;
    socket.destroy();
  };
}

/** Connecting is enough. */
export function tcpCheck(dial: Dial): Check {
  return (address, verdict) => over(dial, address, verdict, (_socket, decide) => decide(true));
}

/** What an HTTP check asks for. */
export interface HttpCheckOptions {
  readonly path: string;
  readonly host: string;
  /** Field lines beside those that every check has. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  expects(status: number): boolean;
}

/** A GET over a connection of its own; the status of the answer decides, and nothing else of it is read. */
export function httpCheck(dial: Dial, { path, host, fields, expects }: HttpCheckOptions): Check {
  const lines = [`GET ${path} HTTP/1.1`, `host: ${host}`, 'user-agent: priomesh', 'connection: close'];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return (address, verdict) =>
    over(dial, address, verdict, (socket, decide) => {
      let heard = '';
      socket.on('data', (bytes: Buffer) => {
        heard += bytes.toString('latin1', 0, MAX_STATUS_LINE_BYTES);
        const line = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n/.exec(heard);
        if (line !== null) decide(expects(Number(line[1])));
        else if (heard.length >= MAX_STATUS_LINE_BYTES || heard.includes('\n')) decide(false);
      });
      socket.write(request);
    });
}
