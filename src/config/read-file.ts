import { open } from 'node:fs/promises';
import { messageOf, PriomeshError } from '../core/index.ts';
import { errorOf } from './findings.ts';
import { CONFIG_LIMIT_BYTES, tooLarge } from './source.ts';

/** Reads at most one byte more than the limit, so that neither a huge file nor an endless device fills the memory. */
async function readBounded(file: string, limitBytes: number): Promise<Buffer> {
  await using handle = await open(file, 'r');
  const buffer = Buffer.allocUnsafe(limitBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * Reads a configuration file as text.
 * @throws PriomeshError CONFIG_NOT_FOUND when it cannot be read, CONFIG_TOO_LARGE, or CONFIG_SYNTAX when it is not UTF-8.
 */
export async function readConfigFile(file: string, limitBytes = CONFIG_LIMIT_BYTES): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(file, limitBytes);
  } catch (error) {
    throw new PriomeshError('CONFIG_NOT_FOUND', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const place = { file, line: 1, column: 1 };
  if (bytes.length > limitBytes) throw errorOf([tooLarge(place, limitBytes)]);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PriomeshError('CONFIG_SYNTAX', `${file} is not UTF-8 text`, {
      place,
      fix: 'Save it in UTF-8.',
      cause: error,
    });
  }
}
