/**
 * Bounds on what one field table may make this side do. A table is bounded in bytes by the frame that it stands in; these bound the
 * stack and the number of objects. RabbitMQ has no bounds of its own here; what clients send stays far below (`x-death` nests 2 deep).
 */
export const LIMITS = {
  /** Tables and arrays inside one another, the outermost one counted. */
  tableDepth: 32,
  /** Values in one table, those of all nested tables and arrays counted. */
  tableValues: 16_384,
} as const;
