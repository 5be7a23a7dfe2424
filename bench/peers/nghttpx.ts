import { freePort, waitUntilServing } from '../ports.ts';
import { childrenOf } from '../proc.ts';
import { findTool } from '../programs.ts';
import { CLASS_HEADER, classValue, DEFAULT_CLASS, HOST } from '../scene.ts';
import type { Peer } from './peer.ts';

/** nghttpx: HTTP/2 on both sides. It cannot map a header; it adds the class of every request of the load, which is less work. */
export const nghttpx: Peer = {
  name: 'nghttpx',
  title: 'nghttpx, one worker; adds a header and maps none',
  wires: ['http2', 'grpc'],
  classifies: false,
  stamps: true,
  async start(context) {
    const { processes, upstream, core } = context;
    const program = await findTool('nghttpx');
    const port = context.port ?? (await freePort());
    const child = processes.spawn(
      'nghttpx',
      [
        program,
        '--conf=/dev/null',
        '--workers=1',
        `--frontend=${HOST},${port};no-tls`,
        `--backend=${upstream.host},${upstream.port};;proto=h2`,
        `--add-request-header=${CLASS_HEADER}:${classValue(DEFAULT_CLASS)}`,
        '--no-via',
        '--log-level=ERROR',
      ],
      { core },
    );
    await waitUntilServing(port, child, processes.signal);
    return {
      address: { host: HOST, port },
      pids: [child.pid, ...(await childrenOf(child.pid))],
      spawnedMs: child.spawnedMs,
      end: () => child.end(),
    };
  },
};
