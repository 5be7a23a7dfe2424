import http from 'node:http';
import { createInterface } from 'node:readline';

/** Sends a request to a sidecar for each line of standard input. argv: port, Host. Prints `{"received"}` for each piece and `{"status","bytes"}` at the end of each. */
const [port = '0', host = ''] = process.argv.slice(2);
const say = (line: object): void => console.log(JSON.stringify(line));

createInterface({ input: process.stdin })
  .on('line', () => {
    const sent = http.request({ host: '127.0.0.1', port: Number(port), headers: { host } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        say({ received: bytes });
      });
      response.on('end', () => say({ status: response.statusCode, bytes }));
      response.on('error', () => say({ status: 0, bytes }));
    });
    sent.on('error', () => say({ status: 0, bytes: 0 }));
    sent.end();
  })
  .on('close', () => process.exit());
console.log('"ready"');
