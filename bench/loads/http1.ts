import type { BodyName } from '../scene.ts';
import { BODY_BYTES, pathOf } from '../scene.ts';
import type { Load } from './load.ts';
import { runWrk } from './wrk.ts';

function http1(body: BodyName, label: string, rest: Pick<Load, 'parts' | 'quick'>): Load {
  return {
    name: `http1-${label}`,
    title: `HTTP/1.1, ${BODY_BYTES[body].toLocaleString('en')}-byte responses`,
    wire: 'http1',
    ...rest,
    ...(body === 'small' ? { openLoopPath: pathOf(body) } : {}),
    run: (processes, pull) => runWrk(processes, body, pull),
  };
}

/** HTTP/1.1 over connections that are kept alive. */
export const http1Loads: readonly Load[] = [
  http1('small', '200', { parts: ['http1', 'chain', 'layers'], quick: true }),
  http1('large', '10k', { parts: ['http1', 'chain'], quick: false }),
  http1('huge', '1m', { parts: ['http1'], quick: true }),
];
