import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import type { ExperimentPlan } from '../../experiment/index.ts';
import { formatDuration } from '../progress.ts';
import type { Verb } from '../verb.ts';
import { parseTrials } from './run.ts';

interface PlanFlags {
  quick?: boolean;
  lab: 'mininet' | 'local';
  trials?: number;
  json?: boolean;
}

/** Quotes an argument for reading, as a POSIX shell would take it. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** The plan as a person reads it. */
export function describePlan(plan: ExperimentPlan): string {
  const { experiment, policy } = plan.source;
  const lines = [
    `${experiment.title}`,
    `  claim   ${experiment.claim}`,
    `  lab     ${plan.lab}`,
    `  form    ${plan.formName}: ${plan.arms.length} arms x ${plan.form.trials} trials, ${plan.form.warmupMs} ms warm-up + ${plan.form.measureMs} ms measured each`,
    `  time    about ${formatDuration(plan.durationMs)}`,
    `  policy  ${policy.name}: ${policy.classes.map((one) => `${one.name} (rank ${one.rank})`).join(', ')}`,
    '',
    'Order of trials (a block a line):',
  ];
  for (let block = 0; block < plan.form.trials; block += 1) {
    const arms = plan.schedule.filter((one) => one.block === block).map((one) => one.arm);
    lines.push(`  ${String(block + 1).padStart(3)}  ${arms.join('  ')}`);
  }
  for (const arm of plan.arms) {
    lines.push('', `Arm ${arm.name}: ${arm.description}`);
    if (arm.layerPlans.length === 0) lines.push('  no layer is on');
    for (const layer of arm.layerPlans) {
      lines.push(`  ${layer.layer}${layer.served ? '' : ' (cannot be served here)'}: ${layer.summary}`);
      for (const step of layer.steps) {
        lines.push(`    ${step.where}: ${step.what}`);
        if (step.command !== undefined) lines.push(`      do    ${step.command.map(quote).join(' ')}`);
        if (step.undo !== undefined) lines.push(`      undo  ${step.undo.map(quote).join(' ')}`);
      }
      for (const limit of layer.limitations) {
        lines.push(`    cannot: ${limit.what}: ${limit.why}; instead: ${limit.instead}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `priomesh plan EXPERIMENT`: what a run would do, without doing it. */
export const planVerb: Verb = {
  configure(command, context) {
    command
      .argument('<experiment>', 'an experiment folder, or its YAML file')
      .option('--quick', 'the short form: fewer and shorter trials')
      .addOption(
        new Option('--lab <kind>', 'where it would run').choices(['mininet', 'local']).default('mininet'),
      )
      .option('--trials <n>', 'trials per arm, instead of what the experiment says', parseTrials)
      .option('--json', 'print the plan as JSON')
      .action(async (where: string, flags: PlanFlags) => {
        const { loadExperimentSource, openExperimentLab, planExperiment, probePlatform } = await import(
          '../../experiment/index.ts'
        );
        const source = await loadExperimentSource(path.resolve(context.cwd, where));
        const platform = await probePlatform(flags.lab, context.signal);
        const { logger, signal } = context;
        const logDirectory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-plan-'));
        try {
          const lab = await openExperimentLab(source, { lab: flags.lab, logDirectory, logger, signal });
          const { ports } = lab;
          await lab.close();
          const plan = planExperiment(source, {
            formName: flags.quick === true ? 'quick' : 'full',
            lab: flags.lab,
            platform,
            ports,
            ...(flags.trials === undefined ? {} : { trials: flags.trials }),
          });
          context.stdout(flags.json === true ? `${JSON.stringify(plan, null, 2)}\n` : describePlan(plan));
        } finally {
          await rm(logDirectory, { recursive: true, force: true });
        }
      });
  },
};
