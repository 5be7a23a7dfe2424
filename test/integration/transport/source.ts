import net from 'node:net';
import { createInterface } from 'node:readline';
import {
  applyProfile,
  type ConnectionProfile,
  congestionControlOf,
  openTransport,
} from '../../../src/transport/index.ts';

/**
 * Serves bytes under a profile. argv: port, profile as JSON. A client asks with a line `BYTES\n` (0: without end) on a
 * connection as often as it likes. Prints a line `{"ready": true}`; ends when standard input closes, with a last line of
 * what the scavenger and the kernel did.
 */
const [port = '0', profileText = '{}'] = process.argv.slice(2);
const profile = JSON.parse(profileText) as ConnectionProfile;
const transport = openTransport();
const chunk = Buffer.alloc(65_536);
const sockets = new Set<net.Socket>();
let algorithm: string | undefined;

const server = net.createServer({ noDelay: true }, (socket) => {
  sockets.add(socket);
  applyProfile(socket, profile, transport);
  algorithm = congestionControlOf(socket);
  let owed = 0;
  const push = (): void => {
    while (owed > 0) {
      const length = Math.min(owed, chunk.length);
      owed -= length;
      if (!socket.write(length === chunk.length ? chunk : chunk.subarray(0, length))) break;
    }
  };
  socket.on('data', (data) => {
    for (const line of data.toString('latin1').split('\n')) {
      if (line !== '') owed += Number(line) === 0 ? Number.POSITIVE_INFINITY : Number(line);
    }
    push();
  });
  socket.on('drain', push);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sockets.delete(socket));
});
server.listen(Number(port), '::', () => console.log(JSON.stringify({ ready: true })));

if (process.env['TRACE'] !== undefined) {
  setInterval(() => console.error(JSON.stringify(transport.scavenger.statistics().paths)), 100).unref();
}

createInterface({ input: process.stdin }).on('close', () => {
  console.log(
    JSON.stringify({
      algorithm,
      scavenger: transport.scavenger.statistics(),
      refused: transport.refusals.counts(),
    }),
  );
  transport.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});
