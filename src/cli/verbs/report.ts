import type { Verb } from '../verb.ts';

/** `priomesh report DIR`: analysis and publication again, from raw data that stand. */
export const reportVerb: Verb = {
  configure(command, context) {
    command
      .argument('<dir>', 'a results folder')
      .option('--json', 'print the paths and the findings as JSON')
      .action(async (dir: string, options: { json?: boolean }) => {
        const { publishResults } = await import('../../publish/index.ts');
        const published = await publishResults(dir, { signal: context.signal });
        const { describePublished } = await import('../published.ts');
        context.stdout(describePublished(published, options.json === true));
      });
  },
};
