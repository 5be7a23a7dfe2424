import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostAddress } from '../../../../src/core/index.ts';
import { PathProfiles } from '../../../../src/sidecar/network/path-profiles.ts';
import { PeerProfiles } from '../../../../src/sidecar/network/peer-profiles.ts';
import { PROFILES, threeClasses } from './support.ts';

const profiles = new PathProfiles(threeClasses, PROFILES, [0, 1]);

describe('profiles by path', () => {
  it('are those of the class but for the mark, one object each', () => {
    expect(profiles.of(0, 1)).toEqual({ dscp: 3, kernelPriority: 6, networkPath: 1 });
    expect(profiles.of(0, 1)).toBe(profiles.of(0, 1));
    expect(profiles.of(1, 2)).toEqual({ ...PROFILES[1], dscp: 11, networkPath: 2 });
  });

  it('state the mark of the default path, so that coming back takes the other one away', () => {
    expect(profiles.defaults).toEqual([PROFILES[0], { ...PROFILES[1], dscp: 0 }, {}]);
    expect(profiles.of(1, 0)).toBe(profiles.defaults[1]);
  });

  it('are left alone for a class that does not move, which may share its connections', () => {
    expect(profiles.defaults[2]).toBe(PROFILES[2]);
    const alike = [{}, PROFILES[2], PROFILES[2]];
    const [first, second, third] = new PathProfiles(threeClasses, alike, [0]).defaults;
    expect(first).not.toBe(second);
    expect(second).toBe(third);
  });

  it('are those of the default path for a path without a mark', () => {
    expect(profiles.of(0, 2)).toBe(profiles.defaults[0]);
    expect(profiles.of(2, 1)).toBe(profiles.defaults[2]);
  });
});

describe('the address of a host', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['fd00:0:0::0001', 'fd00::1'],
    ['FD00::1', 'fd00::1'],
    ['', ''],
    ['nowhere:', 'nowhere:'],
  ])('%s is %s', (text, address) => {
    expect(hostAddress(text)).toBe(address);
  });

  it('has one form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        expect(hostAddress(hostAddress(text))).toBe(hostAddress(text));
      }),
    );
  });
});

describe('profiles by peer', () => {
  it('change in place for who holds the list, towards that peer and in that class alone', () => {
    const peers = new PeerProfiles(profiles);
    const here = peers.know('10.0.0.1');
    const there = peers.know('10.0.0.2');
    expect(peers.move('::ffff:10.0.0.1', 1, 2)).toBe(profiles.of(1, 2));
    expect(here).toEqual([profiles.of(0, 0), profiles.of(1, 2), profiles.of(2, 0)]);
    expect(there).toEqual(profiles.defaults);
    expect(peers.towards('::ffff:10.0.0.1')).toBe(here);
    peers.move('10.0.0.1', 1, 0);
    expect(here).toEqual(profiles.defaults);
  });

  it('of strangers never change', () => {
    const peers = new PeerProfiles(profiles);
    expect(peers.towards('10.9.9.9')).toBe(profiles.defaults);
    expect(peers.move('10.9.9.9', 0, 1)).toBeUndefined();
    expect(peers.towards('10.9.9.9')[0]).toBe(profiles.of(0, 0));
  });

  it('are forgotten with the peer, but where connections are opened to it', () => {
    const peers = new PeerProfiles(profiles);
    const pinned = peers.pin('10.0.0.1');
    peers.know('10.0.0.2');
    peers.keepOnly(new Set());
    expect(peers.towards('10.0.0.2')).toBe(profiles.defaults);
    expect(peers.towards('10.0.0.1')).toBe(pinned);
    expect(peers.know('10.0.0.1')).toBe(pinned);
  });
});
