/** A field block of literals that are put into no table. */
export function literals(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, text]) => [Buffer.of(0), string(name), string(text)]));
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  while (rest >= 128) {
    length.push((rest & 127) | 128);
    rest >>= 7;
  }
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
