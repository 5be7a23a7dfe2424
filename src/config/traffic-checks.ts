import { formatPlace } from '../core/index.ts';
import type { Report } from './document.ts';
import { suggest } from './explain.ts';
import type { Path } from './source.ts';
import type { TrafficFile } from './traffic-schema.ts';

type Route = NonNullable<TrafficFile['routes']>[number];
type Service = NonNullable<TrafficFile['services']>[string];
type Named = { readonly name: string };

/** Fields that say how a message ends or where it goes: no route may touch them. */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function at(report: Report, path: Path): string {
  return formatPlace(report.source.placeOf(path));
}

function checkNames(items: readonly Named[] = [], path: Path, kind: string, report: Report): void {
  const seen = new Map<string, number>();
  for (const [index, { name }] of items.entries()) {
    const other = seen.get(name);
    if (other === undefined) seen.set(name, index);
    else {
      report.conflict(
        [...path, index, 'name'],
        `two ${kind}s are called ${name} (${at(report, [...path, other, 'name'])})`,
        `Give each ${kind} a name of its own.`,
      );
    }
  }
}

function checkClasses(
  names: readonly string[] | undefined,
  known: readonly string[],
  path: Path,
  report: Report,
): void {
  for (const [index, name] of (names ?? []).entries()) {
    if (known.includes(name)) continue;
    report.invalid([...path, index], `there is no class ${name}`, suggest(name, known, 'class'));
  }
}

function checkClassKeys(
  record: Readonly<Record<string, number>> | undefined,
  known: readonly string[],
  path: Path,
  report: Report,
): void {
  for (const name of Object.keys(record ?? {})) {
    if (known.includes(name)) continue;
    report.invalid([...path, name], `there is no class ${name}`, suggest(name, known, 'class'));
  }
}

function checkHeaders(names: readonly string[], path: Path, report: Report): void {
  const seen = new Set<string>();
  for (const name of names) {
    const lower = name.toLowerCase();
    if (UNTOUCHABLE.has(lower)) {
      report.invalid(
        [...path, name],
        `${name} says how the message is read or where it goes; no route may change it`,
        lower === 'host' ? 'Use rewrite.host.' : 'Leave it out.',
      );
    }
    if (seen.has(lower)) {
      report.conflict([...path, name], `${name} stands twice, in two spellings`, 'Keep one of the two.');
    }
    seen.add(lower);
  }
}

function checkPrefix(route: Route, path: Path, report: Report): void {
  for (const part of ['redirect', 'rewrite'] as const) {
    if (route[part]?.prefix === undefined || route.match.path !== undefined) continue;
    report.conflict(
      [...path, part, 'prefix'],
      'there is no path pattern whose beginning it could replace',
      'Give the route a `match.path`, such as /api/**.',
    );
  }
  if (route.redirect?.prefix !== undefined && route.redirect.path !== undefined) {
    report.conflict(
      [...path, 'redirect', 'prefix'],
      `the path is given as a whole already (${at(report, [...path, 'redirect', 'path'])})`,
      'Keep one of the two.',
    );
  }
}

function checkRoute(route: Route, path: Path, report: Report): void {
  const { to, stickyHeader, redirect, rewrite, mirror } = route;
  checkPrefix(route, path, report);
  if (to?.every(({ weight }) => weight === 0) === true) {
    report.invalid([...path, 'to'], 'all weights are 0', 'Give one service a weight above 0.');
  }
  if (stickyHeader !== undefined && (to === undefined || to.length < 2)) {
    report.conflict(
      [...path, 'stickyHeader'],
      'there is nothing to choose among',
      'Name two services in `to`.',
    );
  }
  if (redirect !== undefined) {
    const others = Object.entries({ to, mirror, rewrite }).filter(([, value]) => value !== undefined);
    for (const [name] of others) {
      report.conflict(
        [...path, name],
        `requests of this route are not sent on, but redirected (${at(report, [...path, 'redirect'])})`,
        'Leave out one of the two.',
      );
    }
    const { scheme, host, port, path: whole, prefix } = redirect;
    if ([scheme, host, port, whole, prefix].every((piece) => piece === undefined)) {
      report.invalid(
        [...path, 'redirect'],
        'it would lead back to itself',
        'Name a host, a path or a prefix.',
      );
    }
  }
  checkHeaders(Object.keys(rewrite?.set ?? {}), [...path, 'rewrite', 'set'], report);
  for (const [index, name] of (rewrite?.remove ?? []).entries()) {
    if (!UNTOUCHABLE.has(name.toLowerCase())) continue;
    report.invalid(
      [...path, 'rewrite', 'remove', index],
      `${name} says how the message is read or where it goes; no route may change it`,
      'Leave it out.',
    );
  }
}

function checkService(service: Service, known: readonly string[], path: Path, report: Report): void {
  const { hedge, circuits = [], bulkhead } = service;
  if (hedge !== undefined) {
    checkClasses(hedge.classes, known, [...path, 'hedge', 'classes'], report);
    if ((hedge.afterMs === undefined) === (hedge.afterQuantile === undefined)) {
      report.conflict(
        [...path, 'hedge'],
        hedge.afterMs === undefined ? 'it does not say when' : 'it says twice when',
        'Name one of afterMs and afterQuantile.',
      );
    }
  }
  for (const [index, { classes }] of circuits.entries()) {
    checkClasses(classes, known, [...path, 'circuits', index, 'classes'], report);
    if (classes === undefined && index < circuits.length - 1) {
      report.conflict(
        [...path, 'circuits', index + 1],
        `it is never reached: the one before it holds for every class (${at(report, [...path, 'circuits', index])})`,
        'Put the one that names no classes last.',
      );
    }
  }
  checkClassKeys(bulkhead?.sharePercent, known, [...path, 'bulkhead', 'sharePercent'], report);
}

/** Checks of `traffic` that its schema cannot express. @param known the names of the classes */
export function checkTraffic(
  traffic: TrafficFile | undefined,
  known: readonly string[],
  report: Report,
): void {
  if (traffic === undefined) return;
  const { deadlines, routes, services = {}, rateLimits, faults } = traffic;
  checkClassKeys(deadlines?.classMs, known, ['traffic', 'deadlines', 'classMs'], report);
  checkNames(routes, ['traffic', 'routes'], 'route', report);
  for (const [index, route] of (routes ?? []).entries()) {
    checkRoute(route, ['traffic', 'routes', index], report);
  }
  const spelt = new Map<string, string>();
  for (const [name, service] of Object.entries(services)) {
    const path: Path = ['traffic', 'services', name];
    const other = spelt.get(name.toLowerCase());
    if (other !== undefined) {
      report.conflict(path, `${name} and ${other} are the same service`, 'Keep one of the two.');
    }
    spelt.set(name.toLowerCase(), name);
    checkService(service, known, path, report);
  }
  checkNames(rateLimits, ['traffic', 'rateLimits'], 'rate limit', report);
  for (const [index, { classes }] of (rateLimits ?? []).entries()) {
    checkClasses(classes, known, ['traffic', 'rateLimits', index, 'classes'], report);
  }
  checkNames(faults, ['traffic', 'faults'], 'fault', report);
  for (const [index, { classes, delayMs, abort }] of (faults ?? []).entries()) {
    checkClasses(classes, known, ['traffic', 'faults', index, 'classes'], report);
    if (delayMs === undefined && abort === undefined) {
      report.invalid(['traffic', 'faults', index], 'nothing happens', 'Name delayMs, abort or both.');
    }
  }
}
