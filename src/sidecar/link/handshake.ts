import type { InputBuffer } from '../io/index.ts';

/** The protocol's name and version in the Upgrade field (RFC 9110 section 7.8). */
const PROTOCOL = 'priomesh-link/1';
const FIRST_LINE = Buffer.from('OPTIONS * HTTP/1.1\r\n');
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const MAX_QUESTION_BYTES = 1024;

/** The answer by which a sidecar agrees. What follows are frames. */
export const AGREEMENT = Buffer.from(
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`,
);

/** The question whether a peer speaks links: a request that any server of HTTP/1.1 can answer, and that asks for nothing. */
export function question(host: string): Buffer {
  return Buffer.from(
    `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`,
  );
}

/** Where a head that starts at the input's start ends; -1 when it is not all there. */
function headEnd({ bytes, start, end }: InputBuffer): number {
  const at = bytes.subarray(start, end).indexOf(END_OF_HEAD);
  return at < 0 ? -1 : start + at + END_OF_HEAD.length;
}

/** Whether the lines of a head agree to switch to this protocol and to no other. */
function switches(lines: readonly string[]): boolean {
  const values = (name: string): string[] =>
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return line.slice(0, colon).toLowerCase() === name
        ? line
            .slice(colon + 1)
            .split(',')
            .map((one) => one.trim())
        : [];
    });
  const protocols = values('upgrade');
  return (
    protocols.length === 1 &&
    protocols[0] === PROTOCOL &&
    values('connection').some((option) => option.toLowerCase() === 'upgrade')
  );
}

/** Whether a connection begins with the question. */
export function isQuestion(input: InputBuffer): 'yes' | 'no' | 'more' {
  const { bytes, start } = input;
  const compared = Math.min(input.length, FIRST_LINE.length);
  if (FIRST_LINE.compare(bytes, start, start + compared, 0, compared) !== 0) return 'no';
  const end = headEnd(input);
  if (end < 0) return input.length > MAX_QUESTION_BYTES ? 'no' : 'more';
  const [, ...lines] = bytes.toString('latin1', start, end - END_OF_HEAD.length).split('\r\n');
  const bodyless = !lines.some((line) => /^(?:content-length|transfer-encoding)\s*:/i.test(line));
  const addressed = lines.some((line) => /^host:/i.test(line));
  return bodyless && addressed && switches(lines) ? 'yes' : 'no';
}

/** Takes the question, which is there. */
export function takeQuestion(input: InputBuffer): void {
  input.consumeTo(headEnd(input));
}

/** Reads the answer, and takes it when it agrees. */
export function readAgreement(input: InputBuffer, maxBytes: number): 'yes' | 'no' | 'more' {
  const end = headEnd(input);
  if (end < 0) return input.length > maxBytes ? 'no' : 'more';
  const [first = '', ...lines] = input.bytes
    .toString('latin1', input.start, end - END_OF_HEAD.length)
    .split('\r\n');
  if (!first.startsWith('HTTP/1.1 101 ') || !switches(lines)) return 'no';
  input.consumeTo(end);
  return 'yes';
}
