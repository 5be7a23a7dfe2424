import type { Published } from '../publish/index.ts';

/** What was published, for a person (the finding and the paths) or for a program (JSON). */
export function describePublished(published: Published, json: boolean): string {
  const { summary, summaryFile, notebook, page } = published;
  if (json) {
    const { findings, ratios, audit } = summary;
    return `${JSON.stringify({ notebook, page, summary: summaryFile, findings, ratios, audit }, null, 2)}\n`;
  }
  return [
    ...summary.findings.map((one) => `${one.verdict.padEnd(9)}  ${one.claim} ${one.words}`),
    '',
    `notebook  ${notebook}`,
    `page      ${page}`,
    `summary   ${summaryFile}`,
    '',
  ].join('\n');
}
