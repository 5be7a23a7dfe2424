import type { Verb } from '../verb.ts';

/** `priomesh sidecar --config FILE`: one sidecar in the foreground, until SIGTERM or SIGINT. */
export const sidecarVerb: Verb = {
  configure(command, context) {
    command
      .requiredOption('--config <file>', 'what the sidecar is told, YAML or JSON')
      .action(async (options: { config: string }) => {
        await context.become?.('sidecar', ['--config', options.config]);
        const { runSidecar } = await import('../../sidecar/index.ts');
        await runSidecar(options.config, context);
      });
  },
};
