import { PriomeshError } from '../core/index.ts';
import type { Call, Route } from './application-config.ts';

/** A call of a route, with the path made for one request. */
export interface PlannedCall {
  readonly service: string;
  readonly path: string;
  readonly relay: boolean;
  readonly via: Call['via'];
}

/** What a request is to be answered with. */
export interface RouteMatch {
  readonly route: Route;
  readonly calls: readonly PlannedCall[];
}

/** A match, or the status that says why there is none: 404 no such path, 405 another method. */
type RouteResult = RouteMatch | 404 | 405;

/** Finds the route of a request. The first route of the list that fits is taken. */
export type RouteTable = (method: string, target: string) => RouteResult;

const PARAMETER = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/;

function segmentsOf(path: string): string[] {
  return path.split('/').slice(1);
}

function parameterNames(path: string): string[] {
  return segmentsOf(path).flatMap((segment) => PARAMETER.exec(segment)?.[1] ?? []);
}

interface CompiledRoute {
  readonly route: Route;
  readonly segments: readonly { readonly literal: string | undefined; readonly name: string }[];
}

function compile(route: Route): CompiledRoute {
  const known = new Set(parameterNames(route.path));
  for (const call of route.calls) {
    const unknown = parameterNames(call.path).find((name) => !known.has(name));
    if (unknown !== undefined) {
      throw new PriomeshError(
        'CONFIG_INVALID',
        `route ${route.path}: the call to ${call.service} uses {${unknown}}, which the route's path does not have`,
        { fix: `Add {${unknown}} to the route's path, or take it out of the call's.` },
      );
    }
  }
  const segments = segmentsOf(route.path).map((segment) => {
    const name = PARAMETER.exec(segment)?.[1];
    return name === undefined ? { literal: segment, name: '' } : { literal: undefined, name };
  });
  return { route, segments };
}

function matchSegments(
  compiled: CompiledRoute,
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (compiled.segments.length !== segments.length) return undefined;
  const values = new Map<string, string>();
  for (const [position, expected] of compiled.segments.entries()) {
    const segment = segments[position] ?? '';
    if (expected.literal === undefined) {
      if (segment === '') return undefined;
      values.set(expected.name, segment);
    } else if (expected.literal !== segment) {
      return undefined;
    }
  }
  return values;
}

function planCall(call: Call, values: ReadonlyMap<string, string>): PlannedCall {
  const path = call.path
    .split('/')
    .map((segment) => values.get(PARAMETER.exec(segment)?.[1] ?? '') ?? segment)
    .join('/');
  return { service: call.service, path, relay: call.relay, via: call.via };
}

/**
 * Compiles the routes of a service. A template's segments are literal or `{name}`, which takes one segment that is not empty;
 * the query is not looked at. Throws CONFIG_INVALID when a call uses a parameter that its route does not have.
 */
export function compileRoutes(routes: readonly Route[]): RouteTable {
  const compiled = routes.map(compile);
  return (method, target) => {
    const path = target.split('?', 1)[0] ?? '';
    if (!path.startsWith('/')) return 404;
    const segments = segmentsOf(path);
    let result: RouteResult = 404;
    for (const candidate of compiled) {
      const values = matchSegments(candidate, segments);
      if (values === undefined) continue;
      if (candidate.route.method !== method) {
        result = 405;
        continue;
      }
      return { route: candidate.route, calls: candidate.route.calls.map((call) => planCall(call, values)) };
    }
    return result;
  };
}
