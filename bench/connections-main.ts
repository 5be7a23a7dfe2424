import net from 'node:net';

/*
 * Opens many connections, a few at once, sends one request over each, and holds them. Prints a line when all are open, and how many of them
 * were answered; ends with its standard input or a signal.
 */
const [host = '', port = '', countText = '', request = ''] = process.argv.slice(2);
const count = Number(countText);
const AT_ONCE = 64;

let opened = 0;
let answered = 0;
let closed = 0;

function open(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = net.connect(Number(port), host);
  let seen = false;
  socket
    .on('connect', () => socket.write(request))
    .on('data', (piece) => {
      if (!seen && piece.toString('latin1').startsWith('HTTP/1.1 200')) answered += 1;
      seen = true;
      resolve();
    })
    .on('error', () => resolve())
    .on('close', () => {
      closed += 1;
      resolve();
    });
  return promise;
}

async function lane(): Promise<void> {
  while (opened < count) {
    opened += 1;
    await open();
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, lane));
process.stdout.write(`${JSON.stringify({ event: 'open', opened, answered, closed })}\n`);
setInterval(() => {}, 60_000);
