import { expect, test } from 'vitest';
import { tracingHeaders } from '../../../src/workload/tracing-headers.ts';

test('tracing headers are forwarded and nothing else', () => {
  const tracing = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=1,b=2',
    baggage: 'k=v',
    b3: '0',
    'x-b3-traceid': '1',
    'x-b3-flags': '1',
    'x-request-id': 'r',
  };
  const others = { host: 'a', priority: 'u=0', 'x-class': 'gold', cookie: 'c', 'content-length': '0' };
  expect(tracingHeaders({ ...tracing, ...others })).toEqual(tracing);
});
