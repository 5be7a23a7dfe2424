import type { JsonSchema } from './json-schema.ts';

const expressions = new Map<string, RegExp>();

function matches(pattern: string, text: string): boolean {
  let expression = expressions.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(pattern);
    expressions.set(pattern, expression);
  }
  return expression.test(text);
}

function fitsText(schema: JsonSchema, value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length >= (schema.minLength ?? 0) &&
    value.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY) &&
    (schema.pattern === undefined || matches(schema.pattern, value))
  );
}

function fitsNumber(schema: JsonSchema, value: unknown): boolean {
  return (
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (schema.type === 'number' || Number.isSafeInteger(value)) &&
    value >= (schema.minimum ?? Number.NEGATIVE_INFINITY) &&
    value <= (schema.maximum ?? Number.POSITIVE_INFINITY) &&
    value > (schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    value < (schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY)
  );
}

function fitsList(schema: JsonSchema, value: unknown): boolean {
  const { items } = schema;
  return (
    Array.isArray(value) &&
    value.length >= (schema.minItems ?? 0) &&
    value.length <= (schema.maxItems ?? Number.POSITIVE_INFINITY) &&
    (items === undefined || value.every((item) => fits(items, item)))
  );
}

function fitsMember(schema: JsonSchema, key: string, value: unknown): boolean {
  const { properties, propertyNames, additionalProperties } = schema;
  if (key === '__proto__') return false;
  if (propertyNames !== undefined && !fits(propertyNames, key)) return false;
  if (properties !== undefined && Object.hasOwn(properties, key)) {
    const own = properties[key];
    return own !== undefined && fits(own, value);
  }
  return typeof additionalProperties === 'object' && fits(additionalProperties, value);
}

function fitsMapping(schema: JsonSchema, value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const [key, member] of Object.entries(schema.properties ?? {})) {
    const needed = member.default !== undefined || schema.required?.includes(key) === true;
    if (needed && !Object.hasOwn(value, key)) return false;
  }
  return Object.entries(value).every(([key, member]) => fitsMember(schema, key, member));
}

/**
 * Whether a value fits a JSON Schema of priomesh *and* names every key that has a default. It knows the keywords of
 * {@link JsonSchema} and nothing else, and does not say why a value does not fit: that is what the loader is for.
 */
export function fits(schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => fits(one, value));
  switch (schema.type) {
    case 'string':
      return fitsText(schema, value);
    case 'integer':
    case 'number':
      return fitsNumber(schema, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return fitsList(schema, value);
    case 'object':
      return fitsMapping(schema, value);
    default:
      return false;
  }
}
