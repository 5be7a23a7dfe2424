import { headerBlock } from './http2-frames.ts';
import { Http1Client } from './open-loop/http1.ts';
import { Http2Client } from './open-loop/http2.ts';
import { Poller } from './open-loop/poller.ts';
import { type OpenLoopTask, runTask } from './open-loop/run.ts';
import { REQUEST_HEADERS, SERVICE } from './scene.ts';

const task = JSON.parse(process.argv[2] ?? '') as OpenLoopTask;
const { host, port, path } = task;
const headers = Object.entries(REQUEST_HEADERS);

const poller = new Poller();
const result = runTask(task, poller, (done) => {
  if (task.protocol === 'http2') {
    const fields = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
    const block = headerBlock([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', path],
      [':authority', SERVICE],
      ...fields,
    ]);
    return new Http2Client(poller, host, port, block, done);
  }
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${SERVICE}`, ...headers.map((field) => field.join(': '))];
  return new Http1Client(poller, host, port, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), done);
});
process.stdout.write(`${JSON.stringify(result)}\n`);
