import { BODY_BYTES, type BodyName, pathOf } from '../scene.ts';
import type { Load } from './load.ts';
import { runWrk } from './wrk.ts';

function tcp(body: BodyName, label: string, quick: boolean): Load {
  return {
    name: `tcp-${label}`,
    title: `TCP, bytes passed on unread; what they are: HTTP/1.1 with ${BODY_BYTES[body].toLocaleString('en')}-byte responses`,
    wire: 'tcp',
    parts: ['tcp'],
    quick,
    ...(body === 'small' ? { openLoopPath: pathOf(body) } : {}),
    run: (processes, pull) => runWrk(processes, body, pull),
  };
}

/** The load of HTTP/1.1 through peers that pass bytes on and read none. */
export const tcpLoads: readonly Load[] = [tcp('small', '200', true), tcp('huge', '1m', false)];
