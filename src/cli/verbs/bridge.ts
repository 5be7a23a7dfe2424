import type { Verb } from '../verb.ts';

/** `priomesh bridge --config FILE`: the bridge to an SDN controller in the foreground, until SIGTERM or SIGINT. */
export const bridgeVerb: Verb = {
  configure(command, context) {
    command
      .requiredOption('--config <file>', 'what the bridge is told, YAML or JSON')
      .action(async (options: { config: string }) => {
        await context.become?.('bridge', ['--config', options.config]);
        const { runBridge } = await import('../../sdn-bridge/index.ts');
        await runBridge(options.config, context);
      });
  },
};
