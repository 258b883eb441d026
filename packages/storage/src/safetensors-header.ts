/**
 * The header of a safetensors file, read by a parser of exactly its shape.
 *
 * Not JSON.parse: that takes the last of two equal names, and builds whatever nesting it is sent. Here
 * the grammar itself has three levels, so nothing deeper can be written down.
 * SOURCE: https://huggingface.co/docs/safetensors (format), RFC 8259 (JSON)
 */
import { LIMITS } from "@pingo/core";
import { StorageError } from "./storage-error.ts";

export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes after the header. */
  readonly begin: number;
  readonly end: number;
}

/** What stands under this name are notes, not a tensor. */
export const METADATA = "__metadata__";
const COUNT = /(?:0|[1-9]\d{0,15})(?![\d.eE])/y;
const SPACES = " \t\r\n";

export function malformed(why: string, cause?: unknown): StorageError {
  return new StorageError({ code: "SAFETENSORS_MALFORMED", why }, { cause });
}

/** @throws {StorageError} SAFETENSORS_MALFORMED */
export function parseHeader(text: string): ReadonlyMap<string, HeaderEntry> {
  if (!text.startsWith("{")) throw malformed("its header does not begin with {");
  const scan = new Scan(text);
  const entryByName = new Map<string, HeaderEntry>();
  scan.object((name) => {
    if (name === METADATA) return scan.object(() => scan.string());
    return entryByName.set(name, parseEntry(scan, name));
  });
  scan.end();
  return entryByName;
}

function parseEntry(scan: Scan, name: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: readonly number[] | undefined;
  let offsets: readonly number[] | undefined;
  scan.object((key) => {
    if (key === "dtype") dtype = scan.string();
    else if (key === "shape") shape = scan.counts(LIMITS.tensorRankMax);
    else if (key === "data_offsets") offsets = scan.counts(2);
    else throw malformed(`tensor "${name}" has an unknown key ${JSON.stringify(key.slice(0, 40))}`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    throw malformed(`tensor "${name}" lacks its dtype, shape or data_offsets`);
  }
  return { dtype, shape, begin, end };
}

class Scan {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param value reads the value of a key; keys are unique */
  object(value: (key: string) => unknown): void {
    const keys = new Set<string>();
    this.#sequence("{", "}", () => {
      const key = this.string();
      if (keys.has(key)) throw malformed(`the name ${JSON.stringify(key.slice(0, 80))} occurs twice`);
      keys.add(key);
      this.#expect(":");
      value(key);
    });
  }

  counts(lengthMax: number): readonly number[] {
    const counts: number[] = [];
    this.#sequence("[", "]", () => {
      if (counts.length === lengthMax) throw malformed(`a list has more than ${lengthMax} numbers`);
      counts.push(this.#count());
    });
    return counts;
  }

  string(): string {
    this.#skipSpace();
    const from = this.#at;
    if (this.#text[from] !== '"') throw malformed(`a string is missing in its header, at ${from}`);
    let to = from + 1;
    while (to < this.#text.length && this.#text[to] !== '"') to += this.#text[to] === "\\" ? 2 : 1;
    this.#at = to + 1;
    try {
      // SAFETY: JSON.parse of what begins with a quote is a string.
      return JSON.parse(this.#text.slice(from, this.#at)) as string;
    } catch (cause) {
      throw malformed(`a string in its header is not well formed, at ${from}`, cause);
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw malformed(`text after the header's end, at ${this.#at}`);
  }

  #sequence(open: string, close: string, item: () => void): void {
    this.#expect(open);
    if (this.#has(close)) return;
    do item();
    while (this.#has(","));
    this.#expect(close);
  }

  #expect(mark: string): void {
    if (!this.#has(mark)) throw malformed(`"${mark}" is missing in its header, at ${this.#at}`);
  }

  #has(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #count(): number {
    this.#skipSpace();
    COUNT.lastIndex = this.#at;
    const found = COUNT.exec(this.#text)?.[0];
    if (found === undefined) throw malformed(`a whole number is missing in its header, at ${this.#at}`);
    this.#at += found.length;
    if (!Number.isSafeInteger(Number(found))) throw malformed(`${found} is not a safe number`);
    return Number(found);
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && SPACES.includes(this.#text[this.#at] ?? "")) this.#at += 1;
  }
}
