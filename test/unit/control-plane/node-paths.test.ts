import { describe, expect, it } from 'vitest';
import { NodePaths } from '../../../src/control-plane/node-paths.ts';
import { dualPath } from './support.ts';

describe('the paths of a node', () => {
  it('are the links there and back to each host elsewhere, the default first', () => {
    const paths = new NodePaths(dualPath());
    const primary = { id: 'primary', links: ['s1>s2', 's2>s4', 's4>s2', 's2>s1'] };
    const secondary = { id: 'secondary', links: ['s1>s3', 's3>s4', 's4>s3', 's3>s1'] };
    expect([...paths.of('10.0.0.1').peers]).toEqual([['10.0.0.2', [primary, secondary]]]);
    expect([...paths.of('fd00::1').peers.keys()]).toEqual(['10.0.0.2']);
    expect([...paths.of('10.0.0.2').peers.keys()]).toEqual(['10.0.0.1', 'fd00::1', '10.0.0.3']);
    expect(new Set(paths.of('10.0.0.2').links)).toEqual(new Set([...primary.links, ...secondary.links]));
  });

  it('are none from an address that the topology does not know, and before there is a topology', () => {
    expect(new NodePaths(dualPath()).of('10.9.9.9').peers.size).toBe(0);
    expect(new NodePaths().of('10.0.0.1').peers.size).toBe(0);
  });

  it('leave out hosts to which no path is declared', () => {
    const topology = dualPath();
    const lonely = { name: 'h9', addresses: ['10.0.0.9'], switch: 's2' };
    const paths = new NodePaths({ ...topology, hosts: [...topology.hosts, lonely] });
    expect(paths.of('10.0.0.1').peers.has('10.0.0.9')).toBe(false);
    expect(paths.of('10.0.0.9').peers.size).toBe(0);
  });

  it('are the same object for hosts of a switch, and after a change that does not concern them', () => {
    const before = new NodePaths(dualPath());
    expect(before.of('10.0.0.1')).toBe(before.of('10.0.0.3'));
    const after = new NodePaths({ ...dualPath(), epoch: 8 }, before);
    const known = before.of('10.0.0.1');
    expect(new NodePaths({ ...dualPath(), epoch: 8 }, before).of('10.0.0.1')).toBe(known);
    const fewer = new NodePaths({ ...dualPath(), paths: dualPath().paths.slice(1) }, after);
    expect(
      fewer
        .of('10.0.0.1')
        .peers.get('10.0.0.2')
        ?.map(({ id }) => id),
    ).toEqual(['primary']);
  });
});
