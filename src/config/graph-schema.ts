import type { z } from 'zod';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';

/** The reference application: services, their routes, and which calls which. */
export const graphSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const call = z
    .strictObject({
      service: f.name.describe('The service that is called.'),
      path: f.pathTemplate.describe(
        'The path of the call; `{name}` takes the value from the path of the route.',
      ),
      via: z
        .enum(['http', 'amqp'])
        .default('http')
        .describe(
          '`http`: a request; `amqp`: a message to the queue that the callee consumes, and its reply.',
        ),
      relay: z
        .boolean()
        .default(false)
        .describe("Whether the callee's body is streamed on into our response; else it is read and dropped."),
    })
    .describe('One call to another service.');
  const route = z
    .strictObject({
      path: f.pathTemplate.describe('The path that is served: literal segments and `{name}`.'),
      method: f.method.default('GET').describe('The request method that is served.'),
      computeMs: f
        .between(0, 60_000)
        .default(0)
        .describe('How long the request holds its worker, beside its calls. It burns no processor time.'),
      responseBytes: f
        .whole(0, 1_000_000_000)
        .default(0)
        .describe('Bytes of response body that the service itself makes; relayed bodies come on top.'),
      calls: z.array(call).max(64).default([]).describe('The calls that the request makes.'),
      parallel: z
        .boolean()
        .default(false)
        .describe('Whether the calls are made at once; else one after the other.'),
    })
    .describe('One route.');
  const service = z
    .strictObject({
      workers: f
        .whole(1, 10_000)
        .describe('Requests handled at once, as with a thread pool; others wait, first come, first served.'),
      consumes: z.exactOptional(
        z
          .strictObject({
            queue: f.queueName.describe('The queue.'),
            prefetch: f
              .whole(0, 65_535)
              .default(0)
              .describe('How many messages the service itself asks the broker for at once; 0: no bound.'),
          })
          .describe('Takes requests from a message queue too.'),
      ),
      routes: z
        .array(route)
        .min(1)
        .max(256)
        .describe('What the service serves; the first that fits is taken.'),
    })
    .describe('One service.');
  return z
    .strictObject({
      schema: z.literal('priomesh/graph/v1').describe('The form of this file.'),
      name: f.name.describe('The name of the application.'),
      services: z.record(f.name, service).describe('The services, by name.'),
    })
    .meta({
      title: 'priomesh application graph',
      description: 'A reference application made of services that call each other.',
    });
});

/** An application graph, checked and with its defaults filled in. */
export type ApplicationGraph = DeepReadonly<z.output<ReturnType<typeof graphSchema>>>;
/** One service of a graph. */
export type ServiceSpec = ApplicationGraph['services'][string];
/** One route of a service. */
export type RouteSpec = ServiceSpec['routes'][number];
/** One call that a route makes. */
export type CallSpec = RouteSpec['calls'][number];
