import { type DocumentKind, loadDocument, parseDocument, type Report } from './document.ts';
import { suggest } from './explain.ts';
import { type ApplicationGraph, type CallSpec, graphSchema, type RouteSpec } from './graph-schema.ts';
import type { Path } from './source.ts';

/** The most routes of an application; a chain of calls cannot be longer. */
const MAX_ROUTES = 1000;

const PARAMETER = /^\{(.+)\}$/;

function segments(path: string): readonly string[] {
  return path.split('/').slice(1);
}

function parameters(path: string): readonly string[] {
  return segments(path).flatMap((segment) => PARAMETER.exec(segment)?.[1] ?? []);
}

/** Whether a route's path serves a concrete path, or every path that a call's template can become. */
function routeServes(route: string, path: string): boolean {
  const wanted = segments(path);
  const served = segments(route);
  return (
    wanted.length === served.length &&
    served.every((segment, index) => {
      const want = wanted[index] ?? '';
      return PARAMETER.test(segment) ? want !== '' : segment === want;
    })
  );
}

/** The route of a service that a request takes: the first whose method and path fit. */
export function findRoute(
  graph: ApplicationGraph,
  service: string,
  method: string,
  path: string,
): RouteSpec | undefined {
  return graph.services[service]?.routes.find(
    (route) => route.method === method && routeServes(route.path, path),
  );
}

function checkCall(
  graph: ApplicationGraph,
  route: RouteSpec,
  call: CallSpec,
  path: Path,
  report: Report,
): void {
  const callee = graph.services[call.service];
  if (callee === undefined) {
    const known = Object.keys(graph.services);
    report.invalid(
      [...path, 'service'],
      `there is no service ${call.service}`,
      suggest(call.service, known, 'service'),
    );
  } else if (findRoute(graph, call.service, 'GET', call.path) === undefined) {
    const known = callee.routes.filter(({ method }) => method === 'GET').map((one) => one.path);
    report.invalid(
      [...path, 'path'],
      `${call.service} has no route GET ${call.path}`,
      suggest(call.path, known, 'route'),
    );
  }
  if (call.via === 'amqp' && callee !== undefined && callee.consumes === undefined) {
    report.invalid(
      [...path, 'via'],
      `${call.service} consumes no queue`,
      `Give ${call.service} a queue (consumes), or call it by http.`,
    );
  }
  const known = parameters(route.path);
  for (const name of parameters(call.path)) {
    if (known.includes(name)) continue;
    report.invalid(
      [...path, 'path'],
      `{${name}} has no value: it does not stand in the path of the route, ${route.path}`,
      known.length === 0 ? 'Write a literal segment.' : suggest(name, known, 'parameter'),
    );
  }
}

interface Site {
  readonly service: string;
  readonly route: RouteSpec;
  readonly path: Path;
}

/** Finds calls that lead back to where they came from: such a request would never end. */
function checkCycles(graph: ApplicationGraph, sites: readonly Site[], report: Report): void {
  const done = new Set<RouteSpec>();
  const open: RouteSpec[] = [];
  const siteOf = new Map(sites.map((site) => [site.route, site]));
  const label = (route: RouteSpec) => `${siteOf.get(route)?.service ?? ''} ${route.path}`;
  const visit = (route: RouteSpec) => {
    if (done.has(route)) return;
    open.push(route);
    for (const [index, call] of route.calls.entries()) {
      const next = findRoute(graph, call.service, 'GET', call.path);
      if (next === undefined) continue;
      if (open.includes(next)) {
        const circle = [...open.slice(open.indexOf(next)), next].map(label).join(' -> ');
        const at = siteOf.get(route)?.path ?? [];
        report.conflict(
          [...at, 'calls', index],
          `the call leads back: ${circle}`,
          'Remove one of these calls.',
        );
      } else {
        visit(next);
      }
    }
    open.pop();
    done.add(route);
  };
  for (const { route } of sites) visit(route);
}

function resolveGraph(graph: ApplicationGraph, report: Report): ApplicationGraph {
  const sites: Site[] = Object.entries(graph.services).flatMap(([service, { routes }]) =>
    routes.map((route, index) => ({ service, route, path: ['services', service, 'routes', index] })),
  );
  if (sites.length === 0) report.invalid(['services'], 'the application has no service', 'Add one.');
  for (const { route, path } of sites) {
    for (const [index, call] of route.calls.entries()) {
      checkCall(graph, route, call, [...path, 'calls', index], report);
    }
  }
  if (sites.length > MAX_ROUTES) {
    report.invalid(['services'], `the application has ${sites.length} routes`, `Keep to ${MAX_ROUTES}.`);
  } else {
    checkCycles(graph, sites, report);
  }
  return graph;
}

/** Application graphs: `application.yaml` of an experiment. */
export const graphKind: DocumentKind<ApplicationGraph, ApplicationGraph> = {
  name: 'graph',
  schema: graphSchema,
  resolve: resolveGraph,
};

/**
 * Reads an application graph from YAML or JSON text. Calls are requests with method GET.
 * @throws PriomeshError CONFIG_*, naming everything that is wrong.
 */
export function parseApplicationGraph(text: string, file: string): ApplicationGraph {
  return parseDocument(graphKind, text, file);
}

/** Reads the file of an application graph; see {@link parseApplicationGraph}. */
export async function loadApplicationGraph(file: string): Promise<ApplicationGraph> {
  return loadDocument(graphKind, file);
}
