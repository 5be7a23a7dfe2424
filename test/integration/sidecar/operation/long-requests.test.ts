import type http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../../src/config/index.ts';
import { seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, request, type TestServer, testPolicy, until } from '../harness.ts';

let application: TestServer | undefined;
let sidecar: Sidecar | undefined;

afterEach(async () => {
  await sidecar?.close();
  await application?.close();
  sidecar = undefined;
  application = undefined;
});

function configOf(port: number, more: number): SidecarConfig {
  return {
    service: 'tested',
    policy: testPolicy({ concurrency: 8 + more }),
    layers: ['queue'],
    baselineCongestionControl: '',
    outbound: {
      listen: { host: '127.0.0.1', port: 0 },
      upstreams: {
        service: { endpoints: [{ host: '127.0.0.1', port, weight: 1 + Math.max(0, more - 1) }], link: 'off' },
      },
    },
  };
}

describe('a request that outlives two configurations', () => {
  it('keeps its connection, although the upstream went with the second', async () => {
    const held: http.ServerResponse[] = [];
    application = await httpApplication((_incoming, response) => held.push(response));
    sidecar = await startSidecar(configOf(application.port, 0), { random: seededRandom(1) });
    const port = sidecar.outboundPort ?? 0;
    const reply = request(port, { headers: { host: 'service' } });
    await until(() => held.length === 1);
    // The first leaves the upstream as it is, the second puts another in its place.
    await sidecar.reload(configOf(application.port, 1));
    await sidecar.reload(configOf(application.port, 2));
    held[0]?.end('late');
    expect(await reply).toMatchObject({ status: 200, body: 'late' });
  });
});
