import { type JsonSchema, schemaId, schemas } from '../config/index.ts';

/** The schemas of files that priomesh itself writes, by name. */
async function schemasOfResults(): Promise<Record<string, JsonSchema>> {
  const { summaryJsonSchema } = await import('../analysis/index.ts');
  return { summary: { $id: schemaId('summary'), ...summaryJsonSchema() } };
}

/** Every JSON Schema that priomesh publishes, by name: of files that people write, and of files that it writes. */
export async function publishedSchemas(): Promise<Readonly<Record<string, JsonSchema>>> {
  return { ...schemas(), ...(await schemasOfResults()) };
}
