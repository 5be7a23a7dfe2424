import { systemClock } from '../core/index.ts';
import { openPacer } from './pacer.ts';
import { runProcess } from './process-main.ts';

await runProcess(async ({ argv, signal, emit }) => {
  // The thread starts while the rest loads, which makes the process ready sooner.
  const opening = openPacer(systemClock);
  try {
    const [{ runGenerator }, { generatorConfigSchema }, { configFileFrom, readProcessConfig }] =
      await Promise.all([
        import('./generator.ts'),
        import('./generator-config.ts'),
        import('./process-config.ts'),
      ]);
    const config = await readProcessConfig(configFileFrom(argv), generatorConfigSchema);
    await runGenerator(config, { clock: systemClock, signal, pacer: await opening, emit });
  } finally {
    await (await opening).close();
  }
});
