import { PriomeshError } from '../../core/index.ts';
import { publishedSchemas } from '../schemas.ts';
import type { Verb } from '../verb.ts';

/** `priomesh schema [NAME]`: the JSON Schemas of what priomesh reads and writes. */
export const schemaVerb: Verb = {
  configure(command, context) {
    command
      .argument('[name]', 'which schema; without it, their names are listed')
      .action(async (name: string | undefined) => {
        const schemas = await publishedSchemas();
        if (name === undefined) {
          context.stdout(`${Object.keys(schemas).join('\n')}\n`);
          return;
        }
        const schema = schemas[name];
        if (schema === undefined) {
          const known = Object.keys(schemas).join(', ');
          throw new PriomeshError('USAGE', `there is no schema called ${name}`, { fix: `one of ${known}` });
        }
        context.stdout(`${JSON.stringify(schema, null, 2)}\n`);
      });
  },
};
