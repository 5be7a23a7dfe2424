import { describe, expect, it } from 'vitest';
import type { SidecarConfig } from '../../../src/config/index.ts';
import { registrationOf } from '../../../src/sidecar/open-control.ts';
import { caseStudy } from '../kernel-qos/fixture.ts';

const config = (host: string, more: Partial<SidecarConfig> = {}): SidecarConfig => ({
  service: 'tested',
  policy: caseStudy,
  layers: [],
  baselineCongestionControl: '',
  inbound: { listen: { host, port: 0 }, application: { host: '127.0.0.1', port: 80 }, ingress: false },
  controlPlane: { target: 'unix:/nowhere', node: '10.0.0.1' },
  ...more,
});

describe('what a sidecar registers', () => {
  it('is where it listens, or the address of its node where it listens on any', () => {
    expect(registrationOf(config('0.0.0.0'), 8080)).toEqual({ host: '10.0.0.1', port: 8080 });
    expect(registrationOf(config('::'), 8080)).toEqual({ host: '10.0.0.1', port: 8080 });
    expect(registrationOf(config('10.0.0.9'), 8080)).toEqual({ host: '10.0.0.9', port: 8080 });
  });

  it('has the weight and the place that the configuration says', () => {
    const controlPlane = { target: 'unix:/nowhere', node: '10.0.0.1', weight: 2 };
    expect(registrationOf(config('::', { controlPlane, locality: { zone: 'a' } }), 1)).toMatchObject({
      weight: 2,
      zone: 'a',
      region: '',
    });
  });

  it('is nothing without a way in or a control plane', () => {
    expect(registrationOf(config('::'), undefined)).toBeUndefined();
    const { controlPlane: _, ...without } = config('::');
    expect(registrationOf(without, 1)).toBeUndefined();
  });
});
