/**
 * A bare item of a structured field, as far as anybody here asks: integers and booleans with their value; of decimals,
 * strings, tokens, byte sequences and inner lists only that they were well-formed.
 */
export type BareItem =
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'other' };

const OTHER: BareItem = { type: 'other' };
const TRUE: BareItem = { type: 'boolean', value: true };
const FALSE: BareItem = { type: 'boolean', value: false };

const KEY = /[a-z*][a-z0-9_.*-]*/y;
const NUMBER = /-?(?:(\d{1,12})\.\d{1,3}(?![\d.])|(\d{1,15})(?![\d.]))/y;
const STRING = /"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;
const SPACES = / */y;
const OPTIONAL_WHITESPACE = /[ \t]*/y;

/**
 * Reads one structured field (RFC 8941 section 4.2). Every expression is anchored and has one way to match, so that the
 * time is linear in the text.
 */
class FieldReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  take(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  takeCharacter(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** RFC 8941 section 4.2.3.1. */
  bareItem(): BareItem | undefined {
    const first = this.#text[this.#at] ?? '';
    if (first === '?') {
      this.#at += 1;
      if (this.takeCharacter('1')) return TRUE;
      return this.takeCharacter('0') ? FALSE : undefined;
    }
    if (first === '-' || (first >= '0' && first <= '9')) {
      const digits = this.take(NUMBER);
      if (digits === undefined) return undefined;
      return digits.includes('.') ? OTHER : { type: 'integer', value: Number(digits) };
    }
    const expression = first === '"' ? STRING : first === ':' ? BYTES : TOKEN;
    return this.take(expression) === undefined ? undefined : OTHER;
  }

  /** RFC 8941 section 4.2.3.2; false when they are malformed. */
  parameters(): boolean {
    while (this.takeCharacter(';')) {
      this.take(SPACES);
      if (this.take(KEY) === undefined) return false;
      if (this.takeCharacter('=') && this.bareItem() === undefined) return false;
    }
    return true;
  }

  /** RFC 8941 section 4.2.1.2, after the opening parenthesis, without the list's own parameters. */
  innerList(): BareItem | undefined {
    for (;;) {
      this.take(SPACES);
      if (this.takeCharacter(')')) return OTHER;
      if (this.bareItem() === undefined || !this.parameters()) return undefined;
      const next = this.#text[this.#at];
      if (next !== ' ' && next !== ')') return undefined;
    }
  }

  /** The value of a dictionary member, parameters included (RFC 8941 section 4.2.2). */
  memberValue(): BareItem | undefined {
    let value: BareItem | undefined = TRUE;
    if (this.takeCharacter('=')) value = this.takeCharacter('(') ? this.innerList() : this.bareItem();
    return value !== undefined && this.parameters() ? value : undefined;
  }
}

/**
 * Parses a structured-field dictionary (RFC 8941 section 4.2.2). Of a key that comes twice the last value counts.
 *
 * @returns undefined when the text is malformed anywhere: such a field is ignored as a whole
 */
export function parseDictionary(text: string): ReadonlyMap<string, BareItem> | undefined {
  const dictionary = new Map<string, BareItem>();
  const reader = new FieldReader(text);
  reader.take(SPACES);
  while (!reader.atEnd) {
    const key = reader.take(KEY);
    if (key === undefined) return undefined;
    const value = reader.memberValue();
    if (value === undefined) return undefined;
    dictionary.set(key, value);
    reader.take(OPTIONAL_WHITESPACE);
    if (reader.atEnd) return dictionary;
    if (!reader.takeCharacter(',')) return undefined;
    reader.take(OPTIONAL_WHITESPACE);
    if (reader.atEnd) return undefined;
  }
  return dictionary;
}
