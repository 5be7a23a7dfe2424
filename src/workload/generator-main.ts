import { systemClock } from '../core/index.ts';
import { runGenerator } from './generator.ts';
import { generatorConfigSchema } from './generator-config.ts';
import { configFileFrom, readProcessConfig } from './process-config.ts';
import { runProcess } from './process-main.ts';

await runProcess(async ({ argv, signal, emit }) => {
  const config = await readProcessConfig(configFileFrom(argv), generatorConfigSchema);
  await runGenerator(config, { clock: systemClock, signal, emit });
});
