import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connectWithProfile, openTransport } from '../../../src/transport/index.ts';

/** Asks a source for bytes over a marked connection. argv: host, port, bytes, DSCP. Prints `{"bytes"}` when it has them. */
const [host = '', port = '0', bytes = '0', dscp = '0'] = process.argv.slice(2);
const socket = connectWithProfile(
  { host, port: Number(port) },
  { dscp: Number(dscp), congestionControl: 'reno' },
  { transport: openTransport() },
);
await once(socket, 'connect');
let received = 0;
socket.on('data', (data) => {
  received += data.length;
  if (received === Number(bytes)) console.log(JSON.stringify({ bytes: received }));
});
socket.write(`${bytes}\n`);
createInterface({ input: process.stdin }).on('close', () => socket.destroy());
