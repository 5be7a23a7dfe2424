import type { Document, LineCounter, Node, Pair } from 'yaml';
import { messageOf, type Place } from '../core/index.ts';
import { errorOf, type Finding } from './findings.ts';
import { yaml } from './lazy.ts';

/** The largest configuration file that a person writes. */
export const CONFIG_LIMIT_BYTES = 1024 * 1024;
/** How often a file may expand aliases; beyond it the file is refused. */
const ALIAS_LIMIT = 100;
/** How deeply lists and mappings may be nested. */
const DEPTH_LIMIT = 64;

/** The keys and list positions that lead from the top of a document to a value. */
export type Path = readonly (string | number)[];

/** A file that was read: its value, and where each part of it stands. */
export interface Source {
  readonly file: string;
  readonly value: unknown;
  /** Where the value at a path stands; the nearest enclosing value where there is none. */
  placeOf(path: Path): Place;
  /** Where the key of a path stands; as {@link placeOf} for members of a list. */
  placeOfKey(path: Path): Place;
}

/** Calls `visit` with every mapping and its depth; aliases are not followed. */
function walk(
  node: unknown,
  depth: number,
  visit: (pair: Pair, depth: number) => void,
  deep: (at: Node) => void,
) {
  const { isMap, isNode, isSeq } = yaml();
  if (!isNode(node)) return;
  if (depth > DEPTH_LIMIT) {
    deep(node);
    return;
  }
  if (isSeq(node)) for (const item of node.items) walk(item, depth + 1, visit, deep);
  if (isMap(node)) {
    for (const pair of node.items) {
      visit(pair, depth);
      walk(pair.value, depth + 1, visit, deep);
    }
  }
}

class YamlSource implements Source {
  readonly file: string;
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document.Parsed, lines: LineCounter) {
    this.file = file;
    this.#document = document;
    this.#lines = lines;
    this.value = document.toJS({ maxAliasCount: ALIAS_LIMIT });
  }

  #find(path: Path): { readonly key: unknown; readonly value: unknown } {
    const { isAlias, isMap, isScalar, isSeq } = yaml();
    let found: { readonly key: unknown; readonly value: unknown } = {
      key: undefined,
      value: this.#document.contents,
    };
    for (const step of path) {
      const at = isAlias(found.value) ? found.value.resolve(this.#document) : found.value;
      if (isSeq(at) && typeof step === 'number') {
        const item = at.items[step];
        if (item === undefined) return found;
        found = { key: undefined, value: item };
      } else if (isMap(at)) {
        const pair = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        if (pair === undefined) return found;
        found = { key: pair.key, value: pair.value ?? pair.key };
      } else {
        return found;
      }
    }
    return found;
  }

  #place(node: unknown): Place {
    const { isNode } = yaml();
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  placeOf(path: Path): Place {
    return this.#place(this.#find(path).value);
  }

  placeOfKey(path: Path): Place {
    const { key, value } = this.#find(path);
    return this.#place(key ?? value);
  }
}

const SYNTAX_FIX = 'Correct the YAML (or JSON) at this place.';

function words(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in the same mapping';
  if (code === 'MULTIPLE_DOCS') return 'the file holds more than one document';
  const text = (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/**
 * Reads YAML 1.2 (JSON is a subset of it) into a value with places. Duplicate keys, keys that are no plain text, unknown
 * tags, expanding aliases and deep nesting are refused.
 * @throws PriomeshError CONFIG_TOO_LARGE or CONFIG_SYNTAX, naming every fault.
 */
export function readSource(text: string, file: string, limitBytes = CONFIG_LIMIT_BYTES): Source {
  const start: Place = { file, line: 1, column: 1 };
  if (Buffer.byteLength(text) > limitBytes) throw errorOf([tooLarge(start, limitBytes)]);
  const { LineCounter, parseDocument, isScalar } = yaml();
  const lines = new LineCounter();
  const findings: Finding[] = [];
  const found = (offset: number, message: string, fix = SYNTAX_FIX) => {
    const { line, col } = lines.linePos(offset);
    findings.push({
      code: 'CONFIG_SYNTAX',
      place: { file, line: Math.max(1, line), column: Math.max(1, col) },
      message,
      fix,
    });
  };
  try {
    const document = parseDocument(text, {
      version: '1.2',
      prettyErrors: false,
      lineCounter: lines,
      merge: false,
      logLevel: 'error',
    });
    for (const fault of [...document.errors, ...document.warnings]) {
      found(fault.pos[0], words(fault.code, fault.message));
    }
    walk(
      document.contents,
      0,
      ({ key }) => {
        const at = yaml().isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (!isScalar(key) || key.value === null || typeof key.value === 'object') {
          found(at, 'a key must be plain text', 'Write the key as a word.');
        } else if (key.value === '__proto__') {
          found(at, 'no key may be called __proto__', 'Remove it.');
        }
      },
      (node) =>
        found(node.range?.[0] ?? 0, `nested more than ${DEPTH_LIMIT} levels deep`, 'Remove the nesting.'),
    );
    const [first, ...others] = findings;
    if (first !== undefined) throw errorOf([first, ...others]);
    return new YamlSource(file, document, lines);
  } catch (error) {
    if (error instanceof RangeError || error instanceof ReferenceError) {
      const message =
        error instanceof RangeError
          ? 'the file is nested too deeply'
          : `its aliases cannot be expanded: ${messageOf(error)}`;
      throw errorOf([{ code: 'CONFIG_SYNTAX', place: start, message, fix: 'Write the values out.' }]);
    }
    throw error;
  }
}

/** The finding about a file that is larger than its limit. */
export function tooLarge(place: Place, limitBytes: number): Finding {
  return {
    code: 'CONFIG_TOO_LARGE',
    place,
    message: `the file is larger than ${limitBytes} bytes`,
    fix: 'Split it, or remove what it does not need.',
  };
}
