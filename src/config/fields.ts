import { LAYER_NAMES } from '../core/index.ts';
import { lazy, zod } from './lazy.ts';

/** A path pattern of the classifier: segments that are literal, `*`, `**` or `{name}`. */
const PATH_PATTERN = /^(?:\/(?:\*\*|\*|\{[A-Za-z][A-Za-z0-9_]*\}|[^*{}/?#\s]*))+$/;
/** A path of the application: segments that are literal or `{name}`. */
const PATH_TEMPLATE = /^(?:\/(?:\{[A-Za-z][A-Za-z0-9_]*\}|[^*{}/?#\s]*))+$/;

/**
 * The kinds of value that several documents share.
 * Everything said in zod here and in the schemas can be said in JSON Schema too, so that both accept the same files;
 * what JSON Schema cannot say stands in the checks beside the schemas.
 */
export const fields = lazy(() => {
  const z = zod();
  const text = (maxLength: number) => z.string().min(1).max(maxLength);
  return {
    /** A name that goes into headers, file names and charts. */
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9_-]{0,31}$/,
        'a name of at most 32 lower-case letters, digits, "-" and "_", beginning with a letter',
      )
      .meta({ examples: ['interactive'] }),
    text,
    whole: (min: number, max: number) => z.int().min(min).max(max),
    between: (min: number, max: number) => z.number().min(min).max(max),
    positive: (max: number) => z.number().gt(0).max(max),
    milliseconds: z.number().gt(0).max(86_400_000),
    bitsPerSecond: z.number().gt(0).max(1e12),
    ratio: z.number().min(0).max(1),
    layer: z.enum(LAYER_NAMES),
    pathPattern: z
      .string()
      .max(1024)
      .regex(
        PATH_PATTERN,
        'a path pattern: it begins with "/", and each segment is literal, "*" (one segment), "**" (any number) or "{name}"',
      )
      .meta({ examples: ['/export/**'] }),
    pathTemplate: z
      .string()
      .max(1024)
      .regex(PATH_TEMPLATE, 'a path: it begins with "/", and each segment is literal or "{name}"')
      .meta({ examples: ['/product/{id}'] }),
    path: z
      .string()
      .max(1024)
      .regex(
        /^\/[!-~]*$/,
        'a request target: it begins with "/" and holds visible ASCII characters and no spaces',
      )
      .meta({ examples: ['/product/7'] }),
    method: z
      .string()
      .regex(/^[A-Z][A-Z-]{0,31}$/, 'a request method in capital letters, such as GET or POST')
      .meta({ examples: ['GET'] }),
    host: z
      .string()
      .regex(
        /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})$/,
        'a host name without port, such as shop.example.org or *.example.org',
      )
      .meta({ examples: ['shop.example.org'] }),
    headerName: z
      .string()
      .regex(
        /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/,
        'a header name: letters, digits and "-" (a token of RFC 9110)',
      )
      .meta({ examples: ['x-tenant'] }),
    algorithm: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,14}$/, 'the name of a congestion-control algorithm, such as bbr or cubic')
      .meta({ examples: ['cubic'] }),
    cidr: z
      .string()
      .regex(
        /^[0-9A-Fa-f:.]{2,45}\/[0-9]{1,3}$/,
        'a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8',
      )
      .meta({ examples: ['10.0.0.0/8'] }),
    queueName: z
      .string()
      .max(127)
      .regex(
        /^[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,126})$/,
        'the name of a queue: letters, digits, "_", ".", ":" and "-"',
      )
      .meta({ examples: ['jobs'] }),
    fileName: z.string().min(1).max(4096),
  };
});
