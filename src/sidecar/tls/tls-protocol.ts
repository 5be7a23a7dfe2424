import { readFileSync } from 'node:fs';
import type net from 'node:net';
import tls from 'node:tls';
import { messageOf, PriomeshError } from '../../core/index.ts';
import type { ConnectionProfile } from '../../transport/index.ts';
import {
  type ByteStream,
  type StreamOwner,
  Timeout,
  type TimerWheel,
  type Timeout as WheelTimeout,
  Wire,
} from '../io/index.ts';
import type { Accepted, Protocol, ServedConnection } from '../protocol.ts';

const HANDSHAKE_RECORD = 0x16;

/** What the sidecar proves itself with. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/**
 * Ends TLS: what comes out is accepted as a connection of its own, and looked at as any other. HTTP/2 and HTTP/1.1 are offered by ALPN
 * (RFC 7301).
 * @throws PriomeshError CONFIG_INVALID when a file can't be read or holds no certificate or key
 */
export function tlsProtocol({ certificateFile, keyFile }: TlsFiles): Protocol {
  const secureContext = contextOf(certificateFile, keyFile);
  return {
    name: 'tls',
    recognizes: ({ bytes, start }) => (bytes[start] === HANDSHAKE_RECORD ? 'yes' : 'no'),
    serve: (accepted) => new TlsConnection(accepted, secureContext),
  };
}

function contextOf(certificateFile: string, keyFile: string): tls.SecureContext {
  try {
    return tls.createSecureContext({
      cert: readFileSync(certificateFile),
      key: readFileSync(keyFile),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    const message = `inbound.tls: ${certificateFile} and ${keyFile}: ${messageOf(error)}`;
    throw new PriomeshError('CONFIG_INVALID', message, {
      cause: error,
      fix: 'Name a certificate chain and its private key, both PEM.',
    });
  }
}

/** The encrypted side of one connection: it lasts from the first byte to the end of the handshake, and then the decrypted side takes over. */
class TlsConnection implements ServedConnection {
  profiles: readonly ConnectionProfile[] | undefined;
  readonly lastClassIndex = -1;
  readonly #accepted: Accepted;
  readonly #context: tls.SecureContext;
  readonly #timeout: WheelTimeout;
  #secure: tls.TLSSocket | undefined;
  #gone = false;

  constructor(accepted: Accepted, context: tls.SecureContext) {
    this.#accepted = accepted;
    this.#context = context;
    this.profiles = accepted.profiles;
    this.#timeout = new Timeout(() => this.#late());
  }

  get #wheel(): TimerWheel {
    return this.#accepted.live.current.wheel;
  }

  start(): void {
    const { stream, live } = this.#accepted;
    const { socket, input } = stream;
    // A stream on a link shares its socket with others, and is not TLS's to take.
    if (!(stream instanceof Wire) || socket === undefined) {
      stream.destroy(true);
      return;
    }
    stream.pause();
    socket.pause();
    // What was read already is read again, by TLS.
    socket.unshift(Buffer.from(input.bytes.subarray(input.start, input.end)));
    input.consumeTo(input.end);
    const secure = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    this.#secure = secure;
    this.#wheel.set(this.#timeout, this.#wheel.nowMs + live.current.limits.headTimeoutMs);
    secure.once('secure', () => this.#ready(secure));
    secure.on('error', () => secure.destroy());
    secure.once('close', () => this.#over());
  }

  turnAway(): void {
    this.destroy();
  }

  drain(): void {}

  destroy(): void {
    this.#secure?.destroy();
    this.#accepted.stream.destroy(true);
  }

  onBytes(): void {}

  onEnd(): void {
    this.destroy();
  }

  onClosed(): void {
    this.#secure?.destroy();
    this.#over();
  }

  #ready(secure: tls.TLSSocket): void {
    this.#wheel.remove(this.#timeout);
    const wire = new SecureWire(this.#accepted.stream);
    wire.attach(secure);
    this.#accepted.accept(wire);
    feed(wire, secure);
  }

  #late(): void {
    this.#accepted.live.current.counters.hit('headTimeoutMs');
    this.destroy();
  }

  #over(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#wheel.remove(this.#timeout);
    this.#accepted.gone();
  }
}

const NOBODY: StreamOwner = { onBytes: () => undefined, onEnd: () => undefined, onClosed: () => undefined };

/** The decrypted side. Only the connection below can be reset: Node throws where that is asked of TLS. */
class SecureWire extends Wire {
  readonly #below: ByteStream;

  constructor(below: ByteStream) {
    super(NOBODY);
    this.#below = below;
  }

  override destroy(reset = false): void {
    // What was sent before is with TLS already.
    super.destroy();
    if (reset) this.#below.destroy(true);
  }
}

/** Hands what a socket decrypts to a wire, as if that had read it; what the wire has no room for goes back until it reads on. */
function feed({ onread }: Wire, socket: net.Socket): void {
  socket.on('data', (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      const into = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer;
      const count = chunk.copy(into as Buffer, 0, at);
      at += count;
      if (!onread.callback(count, into as Buffer)) {
        socket.pause();
        if (at < chunk.length) socket.unshift(chunk.subarray(at));
        return;
      }
    }
  });
}
