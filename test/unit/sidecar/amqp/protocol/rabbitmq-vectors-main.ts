import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { encodeMethod } from '../../../../../src/sidecar/amqp/protocol/index.ts';
import { anyMethod, argumentsOf, damaged, METHOD_NAMES, properties } from './arbitraries.ts';
import { contentBytes } from './content-bytes.ts';

/*
 * Makes rabbitmq-vectors.jsonl: methods and property lists, whole and damaged, and what RabbitMQ's own codec reads in them.
 *   node rabbitmq-vectors-main.ts EBIN [COUNT [FILE]]
 * EBIN is the folder ebin of RabbitMQ's rabbit_common, for example
 * /usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/rabbit_common-3.10.8/ebin.
 */
const [ebin = '', count = '60', file = path.join(import.meta.dirname, 'rabbitmq-vectors.jsonl')] =
  process.argv.slice(2);
const numRuns = Number(count);
const FRAME_HEAD_BYTES = 7;
const CONTENT_HEAD_BYTES = 12;

const methodBytes = (name: (typeof METHOD_NAMES)[number], args: object): Buffer =>
  encodeMethod(0, name, args).subarray(FRAME_HEAD_BYTES, -1);

const wholeMethods = fc.sample(anyMethod, numRuns).map(({ name, args }) => methodBytes(name, args));
for (const name of METHOD_NAMES) {
  wholeMethods.push(...fc.sample(argumentsOf(name), 1).map((args) => methodBytes(name, args)));
}
const wholeHeaders = fc
  .sample(properties, numRuns)
  .map((drawn) => contentBytes(drawn).subarray(CONTENT_HEAD_BYTES));
const damagedOf = (all: readonly Buffer[]): Buffer[] => all.flatMap((bytes) => fc.sample(damaged(bytes), 1));

const inputs = [
  ...[...wholeMethods, ...damagedOf(wholeMethods)].map((bytes) => ['method', bytes.toString('hex')]),
  ...[...wholeHeaders, ...damagedOf(wholeHeaders)].map((bytes) => ['properties', bytes.toString('hex')]),
];
const lines = inputs.map((pair) => `${pair.join(' ')}\n`).join('');
const script = path.join(import.meta.dirname, 'rabbitmq-oracle.escript');
const output = execFileSync('escript', [script, ebin], {
  input: lines,
  maxBuffer: 2 ** 30,
  encoding: 'utf8',
});
const answers = output.trimEnd().split('\n');
if (answers.length !== inputs.length) throw new Error(`${inputs.length} asked, ${answers.length} answered`);
const rows = inputs.map((pair, index) => JSON.stringify([...pair, JSON.parse(answers[index] ?? '')]));
writeFileSync(file, `${rows.join('\n')}\n`);
process.stdout.write(
  `${rows.length} vectors, ${rows.filter((row) => row.endsWith(',null]')).length} refused\n`,
);
