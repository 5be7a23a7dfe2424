import { createRequire } from 'node:module';
import { PriomeshError } from '../../src/core/index.ts';

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_TCP = 6;
const TCP_NODELAY = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EAGAIN = 11;
const PR_SET_TIMERSLACK = 29;

const EVENTS_AT_ONCE = 512;
/** `struct epoll_event` is packed on x86-64 alone. */
const [EVENT_BYTES, DATA_OFFSET] = process.arch === 'x64' ? [12, 4] : [16, 8];

type Call = (...values: (number | Uint8Array | null)[]) => number;

/**
 * Sockets and waiting without an event loop: epoll(7) by foreign calls. Node's timers have a grain of 1 ms and its sockets cost several times
 * what these calls do, so that a generator on them would be what is measured. For benchmarks only.
 */
export class Poller {
  readonly #socket: Call;
  readonly #connect: Call;
  readonly #setsockopt: Call;
  readonly #send: Call;
  readonly #recv: Call;
  readonly #close: Call;
  readonly #control: Call;
  readonly #wait: Call;
  readonly #errno: () => number;
  readonly #epoll: number;
  readonly #events = Buffer.alloc(EVENTS_AT_ONCE * EVENT_BYTES);
  readonly #one = Buffer.alloc(EVENT_BYTES);
  readonly #timeout = Buffer.alloc(16);
  readonly #flag = Buffer.from([1, 0, 0, 0]);

  constructor() {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const libc = koffi.load(null);
    const bind = (name: string, result: string, parameters: string[]): Call =>
      libc.func(name, result, parameters) as Call;
    this.#errno = () => koffi.errno();
    this.#socket = bind('socket', 'int', ['int', 'int', 'int']);
    this.#connect = bind('connect', 'int', ['int', 'void *', 'uint32_t']);
    this.#setsockopt = bind('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']);
    this.#send = bind('send', 'int64_t', ['int', 'void *', 'size_t', 'int']);
    this.#recv = bind('recv', 'int64_t', ['int', 'void *', 'size_t', 'int']);
    this.#close = bind('close', 'int', ['int']);
    this.#control = bind('epoll_ctl', 'int', ['int', 'int', 'int', 'void *']);
    this.#wait = bind('epoll_pwait2', 'int', ['int', 'void *', 'int', 'void *', 'void *']);
    // Without this the kernel may wake a sleeper up to 50 us late.
    bind('prctl', 'int', ['int', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t'])(
      PR_SET_TIMERSLACK,
      1,
      0,
      0,
      0,
    );
    this.#epoll = bind('epoll_create1', 'int', ['int'])(0);
    if (this.#epoll < 0) throw this.#failure('epoll_create1');
  }

  /** Connects to an IPv4 address; `tag` is told when something can be read. @returns the descriptor, or the negated errno */
  open(host: string, port: number, tag: number): number {
    const descriptor = this.#socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) return -this.#errno();
    const address = Buffer.alloc(16);
    address.writeUInt16LE(AF_INET, 0);
    address.writeUInt16BE(port, 2);
    address.set(host.split('.').map(Number), 4);
    if (this.#connect(descriptor, address, address.length) < 0) {
      const errno = this.#errno();
      this.#close(descriptor);
      return -errno;
    }
    this.#setsockopt(descriptor, SOL_TCP, TCP_NODELAY, this.#flag, 4);
    this.#one.fill(0);
    this.#one.writeUInt32LE(EPOLLIN, 0);
    this.#one.writeUInt32LE(tag, DATA_OFFSET);
    if (this.#control(this.#epoll, EPOLL_CTL_ADD, descriptor, this.#one) < 0)
      throw this.#failure('epoll_ctl');
    return descriptor;
  }

  /** Sends all of `bytes`, which is little; false when the socket took less. */
  send(descriptor: number, bytes: Uint8Array, length = bytes.length): boolean {
    return this.#send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) === length;
  }

  /** How many bytes were read; 0 at the end of the stream, -1 when there is nothing now, -2 when the connection failed. */
  receive(descriptor: number, into: Uint8Array): number {
    const count = this.#recv(descriptor, into, into.length, MSG_DONTWAIT);
    if (count >= 0) return count;
    return this.#errno() === EAGAIN ? -1 : -2;
  }

  close(descriptor: number): void {
    this.#close(descriptor);
  }

  /** Sleeps until something can be read or `ms` are over, whichever is first, and tells each tag that has something. */
  wait(ms: number, onReadable: (tag: number) => void): void {
    const nanoseconds = Math.max(0, Math.round(ms * 1e6));
    this.#timeout.writeBigInt64LE(BigInt(Math.floor(nanoseconds / 1e9)), 0);
    this.#timeout.writeUInt32LE(nanoseconds % 1e9, 8);
    const count = this.#wait(this.#epoll, this.#events, EVENTS_AT_ONCE, this.#timeout, null);
    for (let index = 0; index < count; index += 1) {
      onReadable(this.#events.readUInt32LE(index * EVENT_BYTES + DATA_OFFSET));
    }
  }

  #failure(call: string): PriomeshError {
    return new PriomeshError('INTERNAL', `${call} failed with errno ${this.#errno()}`);
  }
}
