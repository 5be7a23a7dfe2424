import http from 'node:http';

/** What a load has seen. */
export interface Seen {
  completed: number;
  /** What went wrong, the first few in words. */
  failed: number;
  readonly why: string[];
}

/** Clients that send one request after the other on connections that they keep, and go elsewhere when they are told that one closes. */
export interface Load {
  readonly seen: Seen;
  /** Lets running requests end. */
  stop(): Promise<void>;
}

/** Where the next request goes; undefined: nowhere any more. */
export type Target = () =>
  | { readonly port: number; readonly path: string; readonly host?: string }
  | undefined;

const MAX_WHY = 10;

async function client(target: Target, seen: Seen, stopped: () => boolean): Promise<void> {
  const agents = new Map<number, http.Agent>();
  const agentOf = (port: number): http.Agent => {
    const known = agents.get(port) ?? new http.Agent({ keepAlive: true, maxSockets: 1 });
    agents.set(port, known);
    return known;
  };
  for (let to = target(); to !== undefined && !stopped(); to = target()) {
    const why = await send(agentOf(to.port), to);
    if (why === undefined) seen.completed += 1;
    else {
      seen.failed += 1;
      if (seen.why.length < MAX_WHY) seen.why.push(why);
    }
  }
  for (const agent of agents.values()) agent.destroy();
}

/** @returns what went wrong */
function send(
  agent: http.Agent,
  { port, path, host = 'service' }: { port: number; path: string; host?: string },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, path, agent, headers: { host } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', (error) => resolve(`response: ${error.message}`));
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode !== 200)
          resolve(`status ${statusCode}: ${String(response.headers['x-priomesh-error'])}`);
        else if (bytes !== Number(response.headers['content-length'])) resolve(`${bytes} bytes`);
        else resolve(undefined);
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(`request: ${error.code} ${error.message}`));
    request.end();
  });
}

/** Begins so many clients. */
export function load(clients: number, target: Target): Load {
  const seen: Seen = { completed: 0, failed: 0, why: [] };
  let ends = false;
  const running = Array.from({ length: clients }, () => client(target, seen, () => ends));
  return {
    seen,
    stop: async () => {
      ends = true;
      await Promise.all(running);
    },
  };
}
