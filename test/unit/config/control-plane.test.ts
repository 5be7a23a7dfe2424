import { describe, expect, it } from 'vitest';
import { loadControlPlaneConfig, parseControlPlaneConfig } from '../../../src/config/index.ts';
import { repositoryFile, repositoryText } from './support.ts';

const EXAMPLE = 'docs/examples/control-plane.yaml';

describe('the configuration of a control plane', () => {
  it('has an example, which the guide shows', async () => {
    const config = await loadControlPlaneConfig(repositoryFile(EXAMPLE));
    expect(config).toMatchObject({ classes: ['interactive', 'batch'], keepaliveMs: 2000, graceMs: 3000 });
    expect(repositoryText('docs/guides/control-plane.md')).toContain(repositoryText(EXAMPLE));
  });

  it.each([
    ['listen: nowhere', /listen/],
    ['listen: unix:/x\nservices: { Cart: { endpoints: [] } }', /services/],
    [
      'listen: unix:/x\nservices: { cart: { endpoints: [{ host: 10.0.0.300, port: 1 }] } }',
      /no IPv4 or IPv6/,
    ],
    ['listen: unix:/x\nkeepAliveMs: 100', /no key "keepAliveMs"/],
    ['listen: 127.0.0.1:65536', /65536 is no port/],
    ['listen: unix:/x\nmaxSidecars: 0', /maxSidecars/],
  ])('is answered with the place of what is wrong: %s', (text, fault) => {
    expect(() => parseControlPlaneConfig(text, 'plane.yaml')).toThrow(fault);
  });
});
