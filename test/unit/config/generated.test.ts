import { expect, it } from 'vitest';
import { generatedFiles, staleFiles } from '../../../scripts/generate.ts';
import { ERROR_CODES, EXIT_CODES } from '../../../src/core/index.ts';
import { repositoryText } from './support.ts';

it('what is generated is up to date', async () => {
  expect([...(await staleFiles()).keys()], 'run: node scripts/generate.ts').toEqual([]);
});

it('holds the schemas and both references', async () => {
  expect([...(await generatedFiles()).keys()]).toEqual(
    expect.arrayContaining([
      'schemas/policy.schema.json',
      'schemas/experiment.schema.json',
      'schemas/graph.schema.json',
      'schemas/sidecar.schema.json',
      'schemas/summary.schema.json',
      'docs/reference/configuration.md',
      'docs/reference/errors.md',
    ]),
  );
});

it('documents every error code and exit status', () => {
  const text = repositoryText('docs/reference/errors.md');
  for (const code of Object.keys(ERROR_CODES)) expect(text).toContain(`\`${code}\``);
  for (const name of Object.keys(EXIT_CODES))
    expect(text).toMatch(new RegExp(`^\\| \\d+ +\\| ${name} `, 'm'));
});

it('ships files whose editor modeline names a schema that is there', async () => {
  const files = await generatedFiles();
  for (const [file, schema] of [
    ['policies/case-study.yaml', '../schemas/policy.schema.json'],
    ['experiments/case-study/experiment.yaml', '../../schemas/experiment.schema.json'],
    ['experiments/case-study/application.yaml', '../../schemas/graph.schema.json'],
  ] as const) {
    expect(repositoryText(file).split('\n')[0]).toBe(`# yaml-language-server: $schema=${schema}`);
    expect(files.has(schema.replace(/^(\.\.\/)+/, ''))).toBe(true);
  }
});
