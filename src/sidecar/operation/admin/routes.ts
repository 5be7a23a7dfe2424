import {
  type LeveledLogger,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  messageOf,
  PriomeshError,
} from '../../../core/index.ts';
import type { EventLoopDelay } from '../event-loop-delay.ts';
import type { Operated } from '../index.ts';
import { metricsText, OPEN_METRICS_TYPE } from '../metrics/index.ts';
import { redact } from './redact.ts';

/** What is answered: an object is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly type?: string;
}

/** What the routes act on. */
export interface AdminContext {
  readonly operated: Operated;
  readonly version: string;
  readonly lag: EventLoopDelay;
  readonly startedMs: number;
}

/** One method of one path. */
interface Route {
  readonly what: string;
  answer(context: AdminContext, body: string): Answer | Promise<Answer>;
}

const json = (body: unknown, status = 200): Answer => ({ status, body });

/** The text of an error, as for people, and its code. */
function errorAnswer(error: unknown): Answer {
  if (!(error instanceof PriomeshError)) return json({ error: 'INTERNAL', message: messageOf(error) }, 500);
  const { code, message, place = null, fix } = error;
  return json({ error: code, message, place, fix }, code === 'USAGE' ? 409 : 422);
}

function isLeveled(logger: Logger): logger is LeveledLogger {
  return 'level' in logger;
}

function levelAnswer(logger: Logger): Answer {
  return isLeveled(logger)
    ? json({ level: logger.level })
    : json({ error: 'NO_LEVEL', message: 'this sidecar logs nothing' }, 409);
}

function setLevel(logger: Logger, body: string): Answer {
  const level = levelIn(body);
  if (level === undefined) {
    return json({ error: 'USAGE', message: `{"level": ...} with one of ${LOG_LEVELS.join(', ')}` }, 400);
  }
  if (isLeveled(logger)) logger.level = level;
  return levelAnswer(logger);
}

function levelIn(body: string): LogLevel | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('level' in value)) return undefined;
    return LOG_LEVELS.find((level) => level === value.level);
  } catch {
    return undefined;
  }
}

function endpoints({ opened }: Operated): Answer {
  const { classNames } = opened.runtime;
  const upstreams = [...(opened.inbound?.way.upstreams ?? []), ...(opened.outbound?.way.upstreams ?? [])];
  return json(
    upstreams.map((upstream) => ({
      upstream: upstream.name,
      ...upstream.statistics(),
      endpoints: upstream.endpoints.map((endpoint) => ({
        endpoint: endpoint.label,
        eligible: endpoint.eligible,
        ejected: endpoint.ejected,
        draining: endpoint.draining,
        weight: endpoint.weight,
        inFlight: endpoint.inFlight,
        inFlightByClass: Object.fromEntries(
          classNames.map((name, index) => [name, endpoint.inFlightOf(index)]),
        ),
        connections: [...new Set(endpoint.pools)].reduce((sum, { size }) => sum + size, 0),
        ejections: endpoint.ejections,
      })),
    })),
  );
}

/** All that the admin API answers: by path, then by method. */
export const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/': {
    GET: {
      what: 'This list.',
      answer: () =>
        json(
          Object.entries(ROUTES).flatMap(([path, methods]) =>
            Object.entries(methods).map(([method, { what }]) => ({ method, path, what })),
          ),
        ),
    },
  },
  '/ready': {
    GET: {
      what: 'Whether requests should be sent here: 200, or 503 with the reason.',
      answer: ({ operated }) => {
        const readiness = operated.sidecar.readiness();
        return json(readiness, readiness.ready ? 200 : 503);
      },
    },
  },
  '/live': {
    GET: { what: 'Whether the process answers at all.', answer: () => json({ live: true }) },
  },
  '/version': {
    GET: {
      what: 'What runs here, and since when.',
      answer: ({ operated, version, startedMs }) => {
        const { config, clock } = operated.opened.runtime;
        return json({
          name: 'priomesh',
          version,
          node: process.versions.node,
          service: config.service,
          pid: process.pid,
          upForMs: clock.nowMs() - startedMs,
        });
      },
    },
  },
  '/config': {
    GET: {
      what: 'The configuration that holds, without secrets.',
      answer: ({ operated }) =>
        json({
          ...operated.reloader.statistics(),
          files: operated.files,
          config: redact(operated.opened.runtime.config),
        }),
    },
  },
  '/statistics': {
    GET: {
      what: 'What was counted so far, as in the statistics file.',
      answer: ({ operated }) => json(operated.sidecar.statistics()),
    },
  },
  '/endpoints': {
    GET: {
      what: 'The endpoints of each upstream, their health and their load.',
      answer: ({ operated }) => endpoints(operated),
    },
  },
  '/metrics': {
    GET: {
      what: 'What was counted so far, as OpenMetrics text.',
      answer: ({ operated, version, lag }) => ({
        status: 200,
        type: OPEN_METRICS_TYPE,
        body: metricsText({
          runtime: operated.opened.runtime,
          reloads: operated.reloader.statistics(),
          version,
          lag,
        }),
      }),
    },
  },
  '/log-level': {
    GET: {
      what: 'The least that is logged.',
      answer: ({ operated }) => levelAnswer(operated.opened.runtime.logger),
    },
    PUT: {
      what: 'Sets it: {"level": "debug"}, info, warn or error.',
      answer: ({ operated }, body) => setLevel(operated.opened.runtime.logger, body),
    },
  },
  '/reload': {
    POST: {
      what: 'Reads the configuration again and puts it in place: 200 with its number, or 422 with what is wrong.',
      answer: async ({ operated }) => {
        try {
          return json({ generation: await operated.sidecar.reload() });
        } catch (error) {
          return errorAnswer(error);
        }
      },
    },
  },
  '/drain': {
    POST: {
      what: 'Takes no more work, lets what is under way end, and stops listening; the process and this API stay. 202 at once.',
      answer: ({ operated }) => {
        // How it ends is told by /ready.
        operated.sidecar.drain().catch(() => undefined);
        return json(operated.sidecar.readiness(), 202);
      },
    },
  },
  '/reopen': {
    POST: {
      what: 'Opens the files anew that are appended to: somebody has moved them away.',
      answer: ({ operated }) => {
        operated.sidecar.reopen();
        return json({ reopened: true });
      },
    },
  },
};
