import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadBridgeConfig, loadPolicy } from '../../../src/config/index.ts';

const POLICY = path.resolve('policies/case-study.yaml');

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-config-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function load(text: string): ReturnType<typeof loadBridgeConfig> {
  const file = path.join(directory, 'bridge.yaml');
  await writeFile(file, text);
  return await loadBridgeConfig(file);
}

const NORTHBOUND = 'northbound: { kind: priomesh, url: "unix:/run/n.sock" }';

describe('the configuration of a bridge', () => {
  test('names its policy, or holds it', async () => {
    const port = {
      link: 's1>s2',
      device: 's1-eth3',
      rateBps: 2e7,
      classes: { interactive: '1:10', batch: '11:' },
    };
    const named = await load(`${NORTHBOUND}\npolicy: ${POLICY}\nports: [${JSON.stringify(port)}]\n`);
    expect(named.policy).toEqual(await loadPolicy(POLICY));
    expect(named.ports).toEqual([port]);
    const embedded = await load(
      JSON.stringify({ northbound: named.northbound, policy: named.policy, ports: [port] }),
    );
    expect(embedded).toEqual(named);
  });

  test('stands in the documentation as it is', async () => {
    const { ports, log } = await loadBridgeConfig('docs/examples/bridge.yaml');
    expect(ports.map(({ link }) => link)).toEqual(['s1>s2', 's4>s2']);
    expect(log).toBe('network.jsonl');
  });

  test('needs no ports, no control plane and no log', async () => {
    expect(await load(`${NORTHBOUND}\npolicy: ${POLICY}\n`)).toMatchObject({ ports: [] });
  });

  test.each([
    ['a URL with a password', 'northbound: { kind: onos, url: "http://a:b@host" }', /CONFIG_INVALID/],
    ['another kind', 'northbound: { kind: faucet, url: "http://h" }', /CONFIG_INVALID/],
    [
      'names of switches that know theirs',
      `${NORTHBOUND.replace(' }', ', switches: { "0000000000000001": s1 } }')}`,
      /CONFIG_CONFLICT/,
    ],
    [
      'a link twice',
      `${NORTHBOUND}\nports: [{ link: "a>b", rateBps: 1 }, { link: "a>b", rateBps: 1 }]`,
      /stands twice/,
    ],
    ['no link', `${NORTHBOUND}\nports: [{ link: "a", rateBps: 1 }]`, /a directed link/],
    [
      'a class that is none',
      `${NORTHBOUND}\nports: [{ link: "a>b", device: e, rateBps: 1, classes: { batsh: "1:1" } }]`,
      /there is no class batsh/,
    ],
    [
      'queues of classes nowhere',
      `${NORTHBOUND}\nports: [{ link: "a>b", rateBps: 1, classes: { batch: "1:1" } }]`,
      /Name the device|at a device/,
    ],
  ])('with %s is refused', async (_, text, message) => {
    const error = await load(`${text}\npolicy: ${POLICY}\n`).catch((thrown: unknown) => thrown);
    expect(String(Reflect.get(error as object, 'code')) + String(error)).toMatch(message);
    expect(String(Reflect.get(error as object, 'fix'))).not.toBe('');
  });
});
