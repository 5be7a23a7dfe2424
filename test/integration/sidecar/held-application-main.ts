import http from 'node:http';
import { createInterface } from 'node:readline';

/**
 * An application whose responses go on as it is told to: each line of standard input (`more`, `end`) holds for all that are open.
 * argv: host, bytes of a piece. Prints its port, and a line for each request that has arrived.
 */
const [host = '', pieceBytes = '0'] = process.argv.slice(2);
const piece = Buffer.alloc(Number(pieceBytes), 'x');
const open = new Set<http.ServerResponse>();
const say = (line: object): void => console.log(JSON.stringify(line));

const server = http.createServer((request, response) => {
  open.add(response);
  response.flushHeaders();
  say({ path: request.url });
});
server.listen(0, host, () => say(server.address() as object));
createInterface({ input: process.stdin })
  .on('line', (line) => {
    for (const response of open) {
      if (line.includes('more')) response.write(piece);
      else response.end(piece);
    }
    if (line.includes('end')) open.clear();
  })
  .on('close', () => process.exit());
