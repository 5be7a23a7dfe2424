import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type * as Zod from 'zod';

const require = createRequire(import.meta.url);

/** Makes a value when it is first asked for, and hands out the same one ever after. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * zod, loaded when first used. A static import would cost every process that imports a type or a loader from this
 * folder about 45 ms of start-up (Node 26, 2 cores); a sidecar with a sound configuration never needs it.
 */
export const zod = lazy(() => require('zod') as typeof Zod);

/** The YAML parser, loaded when first used: 13 ms that a sidecar, which reads JSON, does not pay. */
export const yaml = lazy(() => require('yaml') as typeof Yaml);

/** An object or list, and all within it, that its reader may not change. */
export type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;
