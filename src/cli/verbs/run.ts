import path from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { ExperimentPlan } from '../../experiment/index.ts';
import { createProgress, formatDuration } from '../progress.ts';
import { describePublished } from '../published.ts';
import type { Verb } from '../verb.ts';

interface RunFlags {
  quick?: boolean;
  lab: 'mininet' | 'local';
  out?: string;
  trials?: number;
  json?: boolean;
}

/** Reads a count of trials from the command line. */
export function parseTrials(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw new InvalidArgumentError('a whole number from 1 to 1000');
  }
  return count;
}

/** What the policy asks for and this machine cannot give, each once, with the arms that it concerns. */
export function limitationsOf(plan: ExperimentPlan): string[] {
  const arms = new Map<string, Set<string>>();
  for (const arm of plan.arms) {
    for (const { limitations } of arm.layerPlans) {
      for (const { what, why, instead } of limitations) {
        const text = `${what}: ${why}; instead: ${instead}`;
        arms.set(text, (arms.get(text) ?? new Set()).add(arm.name));
      }
    }
  }
  return [...arms].map(([text, names]) => `arms ${[...names].join(', ')}: ${text}`);
}

/** `priomesh run EXPERIMENT`: laboratory, trials, analysis, notebook and page. */
export const runVerb: Verb = {
  configure(command, context, finish) {
    command
      .argument('<experiment>', 'an experiment folder, or its YAML file')
      .option('--quick', 'the short form: fewer and shorter trials')
      .addOption(new Option('--lab <kind>', 'where it runs').choices(['mininet', 'local']).default('mininet'))
      .option('--out <dir>', 'the results folder; an unfinished run in it is resumed')
      .option('--trials <n>', 'trials per arm, instead of what the experiment says', parseTrials)
      .option('--json', 'print the paths and the findings as JSON')
      .action(async (where: string, flags: RunFlags) => {
        const { loadExperimentSource, runExperiment } = await import('../../experiment/index.ts');
        const source = await loadExperimentSource(path.resolve(context.cwd, where));
        const formName = flags.quick === true ? 'quick' : 'full';
        const stamp = new Date(context.clock.wallMs()).toISOString().replace(/[:.]/g, '-').slice(0, 23);
        const out = path.resolve(
          context.cwd,
          flags.out ?? path.join('results', `${source.experiment.name}-${formName}-${stamp}`),
        );
        const progress = createProgress(context);
        const startedMs = context.clock.nowMs();
        let total = 1;
        let done = 0;
        let leftMs = 0;
        let ownMs = 0;
        let trialStartedMs = startedMs;
        const { manifest, trusted } = await runExperiment(source, {
          formName,
          lab: flags.lab,
          out,
          ...(flags.trials === undefined ? {} : { trials: flags.trials }),
          clock: context.clock,
          logger: context.logger,
          signal: context.signal,
          events: {
            preparing: (text) => progress.line(`priomesh: ${text}`),
            planned: (plan, resumed, limitations) => {
              total = plan.schedule.length;
              done = resumed;
              ownMs = plan.durationMs / total;
              leftMs = ownMs * (total - done);
              const kept = resumed === 0 ? '' : `, ${resumed} of them done already`;
              progress.line(
                `priomesh: ${source.experiment.title}: ${plan.arms.length} arms x ${plan.form.trials} trials${kept}, about ${formatDuration(leftMs)}`,
              );
              for (const text of [...limitations, ...limitationsOf(plan)]) progress.line(`priomesh: ${text}`);
            },
            trialStarted: (trial, attempt) => {
              trialStartedMs = context.clock.nowMs();
              const again = attempt === 0 ? '' : `, attempt ${attempt + 1}`;
              progress.update(`trial ${done + 1}/${total}: ${trial.arm}${again}`, done / total, leftMs);
            },
            trialEnded: (trial, verdict) => {
              const tookMs = context.clock.nowMs() - trialStartedMs;
              done = trial.index + 1;
              ownMs = ownMs * 0.7 + tookMs * 0.3;
              leftMs = ownMs * (total - done);
              if (!verdict.valid) {
                progress.line(`priomesh: trial of ${trial.arm} is void: ${verdict.reasons.join('; ')}`);
              }
            },
          },
        });
        progress.update('analysing', 1, 0);
        const { publishResults } = await import('../../publish/index.ts');
        const published = await publishResults(out, { signal: context.signal });
        progress.end();
        context.stderr(
          `priomesh: ${manifest.trials.length} trials in ${formatDuration(context.clock.nowMs() - startedMs)}\n`,
        );
        context.stdout(describePublished(published, flags.json === true));
        if (!trusted) {
          context.stderr('priomesh: RUN_UNTRUSTED: too many trials are void; this run proves nothing\n');
          finish('untrusted');
        } else if (published.summary.findings.some((one) => one.verdict === 'fails')) {
          context.stderr(
            'priomesh: EXPECTATION_FAILED: a claim of the experiment does not hold in this run\n',
          );
          finish('expectation');
        }
      });
  },
};
