import { beforeEach, describe, expect, it } from 'vitest';
import { writeHint, writePaths } from '../../../../src/control-protocol/index.ts';
import { ControlCounters } from '../../../../src/sidecar/control/counters.ts';
import { Receiver } from '../../../../src/sidecar/control/receive.ts';
import { hintAbout } from '../../control-plane/support.ts';

const endpoint = { service: 'shop', host: '10.0.0.1', port: 80, healthy: true, gone: false };
const primary = { id: 'primary', links: ['s1>s2'] };

let told: unknown[][] = [];
let counters = new ControlCounters();
let receiver = newReceiver();

function newReceiver(): Receiver {
  return new Receiver(
    {
      paths: (peers) => told.push(['paths', [...peers.keys()]]),
      hints: (hints) => told.push(['hints', hints.map(({ link }) => link)]),
      registry: (endpoints) => told.push(['registry', endpoints.map(({ port, healthy }) => [port, healthy])]),
      lost: () => told.push(['lost']),
    },
    counters,
  );
}

beforeEach(() => {
  told = [];
  counters = new ControlCounters();
  receiver = newReceiver();
});

describe('what comes from the control plane', () => {
  it('is told in an order that makes sense: paths, then hints about their links', () => {
    receiver.take({
      snapshot: {
        epoch: 1,
        keepaliveMs: 500,
        paths: writePaths(new Map([['10.0.0.2', [primary]]])),
        registry: { whole: true, endpoints: [endpoint] },
        hints: { hints: [writeHint(hintAbout('s1>s2', 1), 10)] },
      },
    });
    expect(told).toEqual([
      ['paths', ['10.0.0.2']],
      ['registry', [[80, true]]],
      ['hints', ['s1>s2']],
    ]);
    expect(receiver.keepaliveMs).toBe(500);
  });

  it('does not let a control plane promise signs of life that are never missed', () => {
    receiver.take({ snapshot: { epoch: 1, keepaliveMs: 4e9 } });
    expect(receiver.keepaliveMs).toBe(60_000);
    receiver.take({ snapshot: { epoch: 1, keepaliveMs: 0 } });
    expect(receiver.keepaliveMs).toBe(100);
  });

  it('keeps the registry over changes', () => {
    receiver.take({ registry: { whole: true, endpoints: [endpoint, { ...endpoint, port: 81 }] } });
    receiver.take({ registry: { whole: false, endpoints: [{ ...endpoint, port: 81, gone: true }] } });
    receiver.take({ registry: { whole: false, endpoints: [{ ...endpoint, healthy: false }] } });
    receiver.take({ registry: { whole: true, endpoints: [{ ...endpoint, port: 82 }] } });
    expect(told.map(([, endpoints]) => endpoints)).toEqual([
      [
        [80, true],
        [81, true],
      ],
      [[80, true]],
      [[80, false]],
      [[82, true]],
    ]);
  });

  it('is dropped and counted where it is not sound', () => {
    receiver.take({ hints: { hints: [writeHint(hintAbout('nowhere', 1), 10)] } });
    receiver.take({ paths: { groups: [{ peers: ['here'], paths: [primary] }] } });
    receiver.take({ registry: { whole: true, endpoints: [{ ...endpoint, host: 'here' }, endpoint] } });
    receiver.take({ registry: { whole: false, endpoints: [{ ...endpoint, port: 70_000 }] } });
    receiver.take({ keepalive: {} });
    receiver.take({});
    expect(told).toEqual([
      ['registry', [[80, true]]],
      ['registry', [[80, true]]],
    ]);
    expect(counters).toMatchObject({ messages: 6, hintsDropped: 1, otherDropped: 3, hints: 0 });
  });
});
