import { type Clock, messageOf, type Random } from '../../core/index.ts';
import { EventStreamParser, type ServerEvent } from './event-stream.ts';
import { NorthboundHttp } from './http.ts';
import { parseJson } from './json.ts';
import type { Northbound, NorthboundEvents } from './northbound.ts';
import { readRoutes, readStatistics, readTopology } from './priomesh-format.ts';
import { Retry } from './retry.ts';

/** What a client of a controller works with. */
export interface NorthboundOptions {
  /** `unix:PATH` or `http://HOST:PORT`. */
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Reads an event; gives what is to be told of it. Events of other types tell nothing. */
function read({ type, data }: ServerEvent, events: NorthboundEvents): () => void {
  if (type === 'topology') {
    const topology = readTopology(parseJson(data));
    return () => events.topology(topology);
  }
  if (type === 'statistics') {
    const statistics = readStatistics(parseJson(data));
    return () => events.statistics(statistics);
  }
  if (type === 'routes') {
    const routes = readRoutes(parseJson(data));
    return () => events.routes(routes);
  }
  return () => {};
}

/** The client of `topologies/controller.py`: one stream of server-sent events, and requests beside it. */
export function priomeshNorthbound({ url, clock, random }: NorthboundOptions): Northbound {
  const stream = new NorthboundHttp(url);
  const requests = new NorthboundHttp(url);

  const follow = async (events: NorthboundEvents, signal: AbortSignal, found: () => void): Promise<void> => {
    const parser = new EventStreamParser();
    for await (const text of stream.events('/v1/events', signal)) {
      for (const event of parser.push(text)) {
        const tell = read(event, events);
        found();
        tell();
      }
    }
  };

  return {
    name: 'priomesh',
    async run(events, signal) {
      const retry = new Retry(clock, random);
      let state: 'unknown' | 'found' | 'lost' = 'unknown';
      const found = (): void => {
        retry.succeeded();
        if (state === 'found') return;
        state = 'found';
        events.found();
      };
      while (!signal.aborted) {
        let why = 'it ended the stream';
        try {
          await follow(events, signal, found);
        } catch (error) {
          why = messageOf(error);
        }
        if (signal.aborted) break;
        if (state !== 'lost') {
          state = 'lost';
          events.lost(why);
        }
        await retry.wait(signal);
      }
      await Promise.all([stream.close(), requests.close()]);
    },
    async moveClass(dscp, path) {
      await requests.request({ method: 'PUT', path: `/v1/routes/marks/${dscp}`, body: { path } });
    },
    async unmoveClass(dscp) {
      await requests.request({ method: 'DELETE', path: `/v1/routes/marks/${dscp}` });
    },
  };
}
