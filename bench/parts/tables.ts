import type { Column, TableShape } from '../table.ts';

const MEBIBYTE = 1024 * 1024;

/** Rows that others are compared with, where they were measured. */
const REFERENCES = ['haproxy', 'nginx', 'nghttpx', 'haproxy-chain', 'bare'];

function against(measure: string, peers: readonly string[]): Column[] {
  return REFERENCES.filter((name) => peers.includes(name)).map((name) => ({
    title: `to ${name}`,
    measure,
    against: name,
    digits: 2,
  }));
}

/** Throughput and processor time of a closed loop. */
export function throughputTable(title: string, of: string, peers: readonly string[]): TableShape {
  return {
    title,
    case: of,
    peers,
    columns: [
      { title: 'CPU us/request', measure: 'cpuPerRequestUs', digits: 2, spread: true },
      ...against('cpuPerRequestUs', peers),
      { title: 'requests/s', measure: 'throughputRps', digits: 0, spread: true },
      ...against('throughputRps', peers),
      { title: 'own core %', measure: 'ownCorePercent', digits: 0 },
      { title: 'upstream core %', measure: 'upstreamCorePercent', digits: 0 },
      { title: 'errors', measure: 'errors', digits: 0 },
    ],
  };
}

/** Latency of an open loop. */
export function latencyTable(title: string, of: string, peers: readonly string[]): TableShape {
  return {
    title,
    case: of,
    peers,
    columns: [
      { title: 'requests/s', measure: 'rateRps', digits: 0 },
      { title: 'p50 ms', measure: 'p50Ms', digits: 3 },
      { title: 'added p50 ms', measure: 'addedP50Ms', digits: 3, spread: true },
      { title: 'added p99 ms', measure: 'addedP99Ms', digits: 3, spread: true },
      { title: 'added p99.9 ms', measure: 'addedP999Ms', digits: 3, spread: true },
      { title: 'late sends', measure: 'lateSends', digits: 0 },
      { title: 'generator core %', measure: 'generatorPercent', digits: 0 },
      { title: 'errors', measure: 'errors', digits: 0 },
    ],
  };
}

/** Memory, resident and anonymous. */
export function memoryTable(title: string, of: string, peers: readonly string[]): TableShape {
  return {
    title,
    case: of,
    peers,
    columns: [
      { title: 'resident MiB', measure: 'rssBytes', digits: 1, unit: MEBIBYTE, spread: true },
      { title: 'anonymous MiB', measure: 'anonymousBytes', digits: 1, unit: MEBIBYTE, spread: true },
    ],
  };
}
