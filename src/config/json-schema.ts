/** The part of JSON Schema (2020-12) that the schemas of priomesh are written in. */
export interface JsonSchema {
  readonly $id?: string;
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The schema of the member that a key or a list position leads to; undefined where nothing is known of it. */
export function memberSchema(schema: JsonSchema | undefined, step: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof step === 'number') return schema.items;
  const own = schema.properties;
  if (own !== undefined && Object.hasOwn(own, step)) return own[step];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function bounds(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const huge = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER;
  const tiny = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER;
  const low =
    exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : tiny ? '' : `at least ${minimum}`;
  const high =
    exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : huge ? '' : `at most ${maximum}`;
  if (!tiny && !huge && exclusiveMinimum === undefined && exclusiveMaximum === undefined) {
    return ` from ${minimum} to ${maximum}`;
  }
  const parts = [low, high].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

function sizes(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && least > 0 && most !== undefined) return ` of ${least} to ${most} ${unit}`;
  if (least !== undefined && least > 0) return ` of at least ${least} ${unit}`;
  return most === undefined ? '' : ` of at most ${most} ${unit}`;
}

/** What a schema allows, in words that complete "it must be ...". */
export function expectation(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(', ')}`;
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectation).join(', or ');
  switch (schema.type) {
    case 'integer':
      return `a whole number${bounds(schema)}`;
    case 'number':
      return `a number${bounds(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return schema.examples === undefined
        ? `text${sizes(schema.minLength, schema.maxLength, 'characters')}`
        : `text such as ${schema.examples.map(String).join(' or ')}`;
    case 'array':
      return `a list${sizes(schema.minItems, schema.maxItems, 'items')}`;
    case 'object': {
      const keys = Object.keys(schema.properties ?? {});
      return keys.length === 0 ? 'a mapping' : `a mapping with the keys ${keys.join(', ')}`;
    }
    default:
      return 'something else';
  }
}
