import net from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Fetches bytes. argv: host, port, connections, bytes of one request (0: without end), pause between requests in ms.
 * Every 100 ms prints `{"bytes": received in all, "took": [ms of each request that ended]}`; ends when standard input closes.
 */
const [host = '', port = '0', connections = '1', bytes = '0', pauseMs = '0'] = process.argv.slice(2);
let received = 0;
let took: number[] = [];
const sockets: net.Socket[] = [];

for (let index = 0; index < Number(connections); index += 1) {
  const socket = net.connect(Number(port), host);
  let left = 0;
  let askedAt = 0;
  const ask = (): void => {
    left = Number(bytes);
    askedAt = performance.now();
    socket.write(`${bytes}\n`);
  };
  socket.setNoDelay(true);
  socket.on('connect', ask);
  socket.on('data', (data) => {
    received += data.length;
    left -= data.length;
    if (left !== 0) return;
    took.push(performance.now() - askedAt);
    setTimeout(ask, Number(pauseMs));
  });
  socket.on('error', () => socket.destroy());
  sockets.push(socket);
}

const timer = setInterval(() => {
  console.log(JSON.stringify({ bytes: received, took }));
  took = [];
}, 100);

createInterface({ input: process.stdin }).on('close', () => {
  clearInterval(timer);
  for (const socket of sockets) socket.destroy();
});
