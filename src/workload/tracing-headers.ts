import type { IncomingHttpHeaders } from 'node:http';

const FORWARDED = new Set(['traceparent', 'tracestate', 'baggage', 'b3', 'x-request-id']);

/** The tracing headers of a request, and nothing else: what an instrumented application sends on with its own calls. */
export function tracingHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (FORWARDED.has(name) || name.startsWith('x-b3-')) {
      forwarded[name] = typeof value === 'string' ? value : value.join(', ');
    }
  }
  return forwarded;
}
