import { BODY_BYTES, pathOf } from '../scene.ts';
import { runH2load, STREAMS } from './h2load.ts';
import type { Load } from './load.ts';

/** HTTP/2 with prior knowledge. */
export const http2Loads: readonly Load[] = [
  {
    name: 'http2-200',
    title: `HTTP/2, ${STREAMS} streams on each connection, ${BODY_BYTES.small}-byte responses`,
    wire: 'http2',
    parts: ['http2', 'chain'],
    quick: true,
    connections: [8],
    openLoopPath: pathOf('small'),
    run: (processes, pull) => runH2load(processes, { path: pathOf('small'), headers: {} }, pull),
  },
];
