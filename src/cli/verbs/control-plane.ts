import type { Verb } from '../verb.ts';

/** `priomesh control-plane --config FILE`: one control plane in the foreground, until SIGTERM or SIGINT. */
export const controlPlaneVerb: Verb = {
  configure(command, context) {
    command
      .requiredOption('--config <file>', 'what the control plane is told, YAML or JSON')
      .action(async (options: { config: string }) => {
        await context.become?.('control-plane', ['--config', options.config]);
        const { runControlPlane } = await import('../../control-plane/index.ts');
        await runControlPlane(options.config, context);
      });
  },
};
