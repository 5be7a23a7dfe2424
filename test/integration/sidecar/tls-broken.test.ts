import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../src/sidecar/index.ts';
import { rawApplication, type TestServer, testPolicy } from './harness.ts';

const HOST = '127.0.0.1';
const folder = mkdtempSync(path.join(os.tmpdir(), 'priomesh-tls-'));
const certificateFile = path.join(folder, 'certificate.pem');
const keyFile = path.join(folder, 'key.pem');
let application: TestServer | undefined;
let sidecar: Sidecar | undefined;

beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certificateFile, '-days', '2', ...subject], {
    stdio: 'ignore',
  });
});

afterEach(async () => {
  await sidecar?.close();
  await application?.close();
  sidecar = undefined;
  application = undefined;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a client of TLS reads of the answer to one request until the connection ends. */
function read(port: number): Promise<string> {
  return new Promise((resolve) => {
    const client = tls.connect({
      host: HOST,
      port,
      servername: 'localhost',
      ca: readFileSync(certificateFile),
      ALPNProtocols: ['http/1.1'],
    });
    let text = '';
    client.on('secureConnect', () => client.write('GET / HTTP/1.1\r\nhost: tested\r\n\r\n'));
    client.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    client.on('error', () => undefined);
    client.on('close', () => resolve(text));
  });
}

describe('TLS that is ended by the sidecar', () => {
  it('is broken off where a response breaks, and the next connection is served', async () => {
    let broken = 0;
    application = await rawApplication((socket) => {
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart', () => {
          broken += 1;
          socket.destroy();
        });
      });
    });
    sidecar = await startSidecar(
      {
        service: 'tested',
        policy: testPolicy(),
        layers: ['queue'],
        baselineCongestionControl: '',
        inbound: {
          listen: { host: HOST, port: 0 },
          application: { host: HOST, port: application.port },
          ingress: true,
          tls: { certificateFile, keyFile },
        },
      },
      { random: seededRandom(1) },
    );
    for (let round = 1; round <= 2; round += 1) {
      const text = await read(sidecar.inboundPort ?? 0);
      expect(text.startsWith('HTTP/1.1 200 OK')).toBe(true);
      expect(text.endsWith('part')).toBe(true);
      expect(broken).toBe(round);
    }
  });
});
