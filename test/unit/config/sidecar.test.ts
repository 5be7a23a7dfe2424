import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  loadSidecarConfig,
  parsePolicy,
  parseSidecarConfig,
  resolveLimits,
  SIDECAR_LIMITS,
  type SidecarConfig,
} from '../../../src/config/index.ts';
import { findingsIn, listed, repositoryFile, repositoryText } from './support.ts';

const POLICY = parsePolicy(repositoryText('policies/case-study.yaml'), 'policies/case-study.yaml');

const CONFIG: SidecarConfig = {
  service: 'reviews',
  policy: POLICY,
  layers: ['queue', 'transport', 'mark'],
  inbound: {
    listen: { host: '10.0.0.2', port: 15006 },
    application: { host: '127.0.0.1', port: 8080 },
    ingress: false,
  },
  outbound: {
    listen: { host: '127.0.0.1', port: 15001 },
    upstreams: { ratings: { endpoints: [{ host: 'fd00::3', port: 15006 }] } },
  },
  baselineCongestionControl: 'cubic',
  statistics: { file: 'sidecar.jsonl', intervalMs: 200 },
  limits: { maxRetries: 0 },
};

/** The configuration as text, after a change to a copy of it. */
function changed(change: (config: Record<string, unknown>) => void, indent?: number): string {
  const copy: Record<string, unknown> = structuredClone<Record<string, unknown>>({ ...CONFIG });
  change(copy);
  return JSON.stringify(copy, null, indent);
}

const faults = (text: string) => listed(findingsIn(() => parseSidecarConfig(text, 's.json')));

describe('a sidecar configuration that a person writes', () => {
  it('names its policy, which is read too', async () => {
    const config = await loadSidecarConfig(repositoryFile('docs/examples/sidecar.yaml'));
    expect(config.policy.classes).toEqual(POLICY.classes);
    expect(config.inbound?.listen.port).toBe(15_006);
  });

  it('is answered with the place of a fault, in itself or in its policy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'priomesh-sidecar-file-'));
    try {
      const file = join(folder, 'sidecar.yaml');
      const text = repositoryText('docs/examples/sidecar.yaml');
      await writeFile(file, text.replace('ingress: true', 'ingres: true'));
      await expect(loadSidecarConfig(file)).rejects.toThrow(/inbound has no key "ingres"/);
      await writeFile(file, text.replace('../../policies/case-study.yaml', 'nowhere.yaml'));
      await expect(loadSidecarConfig(file)).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a sidecar configuration', () => {
  it.each([undefined, 2, 4])('comes back as it was written (indent %s)', (indent) => {
    expect(parseSidecarConfig(JSON.stringify(CONFIG, null, indent), 's.json')).toEqual(CONFIG);
  });

  it('may be YAML, with defaults left out', () => {
    const text = changed((config) => {
      const policy: Record<string, unknown> = { ...POLICY };
      delete policy['queue'];
      config['policy'] = policy;
      delete config['limits'];
    });
    expect(parseSidecarConfig(`# written by hand\n${text}`, 's.yaml').policy).toEqual(POLICY);
  });

  it('leaves the kernel its congestion control when told nothing', () => {
    const text = changed((config) => {
      config['baselineCongestionControl'] = '';
    });
    expect(parseSidecarConfig(text, 's.json').baselineCongestionControl).toBe('');
  });

  it('is refused with its place, whichever way it is read', () => {
    const text = changed((config) => {
      config['servise'] = 'x';
      config['layers'] = ['queue', 'kernel'];
    }, 2);
    expect(faults(text)).toEqual([
      expect.stringMatching(
        /^\d+:5 INVALID layers\[1\] is "kernel"; it must be one of queue, broker, transport, mark, network$/,
      ),
      expect.stringMatching(/^\d+:3 UNKNOWN_KEY the file has no key "servise"$/),
    ]);
  });

  it('is refused when a key stands twice, which JSON.parse would not notice', () => {
    const text = JSON.stringify(CONFIG).replace('{"service"', '{"service":"other","service"');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(CONFIG)));
    expect(faults(text)[0]).toContain('stands twice');
  });

  const out = (upstreams: unknown) => ({ listen: { host: '127.0.0.1', port: 15001 }, upstreams });
  it.each<[string, (config: Record<string, unknown>) => void, RegExp]>([
    [
      'neither a way in nor a way out',
      (config) => {
        delete config['inbound'];
        delete config['outbound'];
      },
      /neither inbound nor outbound/,
    ],
    [
      'a name for an address',
      (config) => {
        config['outbound'] = out({ a: { endpoints: [{ host: 'reviews', port: 1 }] } });
      },
      /must be an IP address/,
    ],
    [
      'digits that are no address',
      (config) => {
        config['outbound'] = out({ a: { endpoints: [{ host: '1.2.3', port: 1 }] } });
      },
      /"1\.2\.3" is no IPv4 or IPv6 address/,
    ],
    [
      'an upstream that is itself',
      (config) => {
        config['outbound'] = out({ a: { endpoints: [{ host: '127.0.0.1', port: 15001 }] } });
      },
      /CONFLICT the sidecar would call itself/,
    ],
    [
      'an upstream without endpoints',
      (config) => {
        config['outbound'] = out({ a: { endpoints: [] } });
      },
      /nobody serves it/,
    ],
    [
      'an upstream called __proto__',
      (config) => {
        config['outbound'] = JSON.parse(
          '{"listen":{"host":"127.0.0.1","port":1},"upstreams":{"__proto__":{"endpoints":[{"host":"::1","port":1}]}}}',
        );
      },
      /no key may be called __proto__/,
    ],
    [
      'two listeners on one port',
      (config) => {
        config['inbound'] = { ...CONFIG.inbound, listen: { host: '127.0.0.1', port: 15001 } };
      },
      /CONFLICT inbound and outbound listen/,
    ],
    [
      'an application that is the sidecar',
      (config) => {
        config['inbound'] = { ...CONFIG.inbound, application: CONFIG.inbound?.listen };
      },
      /CONFLICT the sidecar would call itself/,
    ],
    [
      'classes that are not in order',
      (config) => {
        config['policy'] = { ...POLICY, classes: POLICY.classes.toReversed() };
      },
      /CONFLICT class interactive has rank 0 behind class batch with rank 5/,
    ],
    [
      'a rule for no class',
      (config) => {
        config['policy'] = { ...POLICY, ingress: { ...POLICY.ingress, defaultClass: 'bulk' } };
      },
      /there is no class bulk/,
    ],
    [
      'a limit out of range',
      (config) => {
        config['limits'] = { maxConnections: 0 };
      },
      /limits\.maxConnections is 0; it must be a whole number from 1 to 1000000/,
    ],
  ])('is refused for %s', (_, change, expected) => {
    expect(faults(changed(change)).join('\n')).toMatch(expected);
  });

  it('may carry as many rules as a policy may have', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'priomesh-sidecar-'));
    try {
      const [rule] = POLICY.ingress.rules;
      const rules = Array.from({ length: 10_000 }, (_, index) => ({ ...rule, name: `r${index}` }));
      const file = join(folder, 'large.json');
      const text = changed((config) => {
        config['policy'] = { ...POLICY, ingress: { ...POLICY.ingress, rules } };
      }, 2);
      expect(text.length).toBeGreaterThan(1024 * 1024);
      await writeFile(file, text);
      expect((await loadSidecarConfig(file)).policy.ingress.rules).toHaveLength(10_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('fills in the limits that are not named', () => {
    expect(resolveLimits({ maxRetries: 0 })).toMatchObject({
      maxRetries: 0,
      maxHeadBytes: SIDECAR_LIMITS.maxHeadBytes.value,
    });
  });

  it('is loaded without zod and without the YAML parser', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'priomesh-sidecar-'));
    try {
      const file = join(folder, 's.json');
      const packages = (text: string) => {
        const script = `
          import { createRequire } from 'node:module';
          import { loadSidecarConfig } from ${JSON.stringify(repositoryFile('src/config/index.ts'))};
          await loadSidecarConfig(${JSON.stringify(file)});
          const loaded = Object.keys(createRequire(import.meta.url).cache);
          console.log(JSON.stringify(['zod', 'yaml'].filter((name) => loaded.some((path) => path.includes('/node_modules/' + name + '/')))));`;
        return writeFile(file, text).then((): unknown =>
          JSON.parse(
            execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }),
          ),
        );
      };
      expect(await packages(JSON.stringify(CONFIG, null, 2))).toEqual([]);
      expect(await packages(`# by hand\n${JSON.stringify(CONFIG)}`)).toEqual(['zod', 'yaml']);
      expect(await loadSidecarConfig(file)).toEqual(CONFIG);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
