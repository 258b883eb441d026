/**
 * A file that a person wrote, read with the place of every mistake.
 *
 * YAML 1.2 (and so JSON). Unknown keys are refused; every problem is one fault with file, line and column.
 */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { keysAt } from "./schema-keys.ts";
import type { Place, WrittenFault } from "./written-fault.ts";

export interface Written {
  /** What stands at a path, if it is text. */
  textAt(path: readonly string[]): string | undefined;
  /** Of the value at a path; where it is missing, of what should hold it. */
  placeAt(path: readonly PropertyKey[]): Place;
}

export interface WrittenReading<P extends string, T> {
  /** Absent where the file is too large or no YAML. */
  readonly written: Written | null;
  readonly value: T | null;
  /** In the order of their lines; empty exactly when there is a value. */
  readonly problems: readonly WrittenFault<P>[];
}

export interface WrittenKind<P extends string, T> {
  readonly prefix: P;
  readonly schema: z.ZodType<T>;
  readonly bytesMax: number;
  /** The kind in words, as in "a job file". */
  readonly what: string;
}

/** @param file the name that problems are reported under */
export function readWritten<P extends string, T>(
  text: string,
  file: string,
  { prefix, schema, bytesMax, what }: WrittenKind<P, T>,
): WrittenReading<P, T> {
  const none = (problem: WrittenFault<P>) => ({ written: null, value: null, problems: [problem] });
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) return none({ code: `${prefix}_FILE_TOO_LARGE`, file, bytes, bytesMax });
  const source = parseSource(text, file, what);
  if ("why" in source) return none({ code: `${prefix}_FILE_SYNTAX`, ...source });
  const written: Written = {
    textAt: (path) => {
      const value = source.document.getIn(path);
      return typeof value === "string" ? value : undefined;
    },
    placeAt: (path) => placeAt(source, path),
  };
  const parsed = schema.safeParse(source.value);
  if (parsed.success) return { written, value: parsed.data, problems: [] };
  const issues = withoutWiderLimits(withoutConsequences(parsed.error.issues));
  const problems = issues.flatMap((issue) => problemsOf(issue, source, { prefix, schema }));
  return { written, value: null, problems: withoutEchoes(problems).sort(byPlace) };
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly value: unknown;
  readonly lines: LineCounter;
}

function parseSource(text: string, file: string, what: string): Source | (Place & { readonly why: string }) {
  const lines = new LineCounter();
  const syntax = (offset: number, why: string) => ({ ...placeOfOffset({ file, lines }, offset), why });
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      version: "1.2",
      logLevel: "error",
    });
    const [error] = document.errors;
    if (error) return syntax(error.pos[0], syntaxWhy(error, what));
    const aliasAt = offsetOfAlias(document);
    if (aliasAt !== undefined) {
      const why = `anchors and aliases have no place in ${what}: a text that begins with "*" or "&" needs quotes`;
      return syntax(aliasAt, why);
    }
    return { file, document, value: document.toJS({ maxAliasCount: 0 }), lines };
  } catch (cause) {
    if (cause instanceof RangeError) return syntax(0, "it nests too deep");
    throw cause;
  }
}

/** The parser's own words, but where they speak to a programmer. */
function syntaxWhy({ code, message }: YAMLError, what: string): string {
  if (code !== "MULTIPLE_DOCS") return firstLine(message);
  return `a second document begins here, and ${what} holds one; take out the line "---" and put what follows into a file of its own`;
}

/** An alias could make a small file large; such a file has no use for one. */
function offsetOfAlias(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias(_, { range }) {
      offset = range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function problemsOf<P extends string>(
  issue: z.core.$ZodIssue,
  source: Source,
  { prefix, schema }: { readonly prefix: P; readonly schema: z.ZodType },
): readonly WrittenFault<P>[] {
  const path = issue.path;
  const key = path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    return issue.keys.map((unknown) => ({
      code: `${prefix}_KEY_UNKNOWN`,
      ...placeOfKey(source, path, unknown),
      key: unknown,
      nearest: nearest(unknown, known),
      known,
    }));
  }
  const place = placeAt(source, path);
  if (path.length > 0 && !source.document.hasIn(path)) {
    return [{ code: `${prefix}_KEY_MISSING`, ...place, key }];
  }
  const value: unknown = path.length === 0 ? source.value : valueAt(source.value, path);
  return [{ code: `${prefix}_VALUE_INVALID`, ...place, key, why: whyOf(issue, value) }];
}

/** What keys say together is not judged while one of them is unknown. */
function withoutConsequences(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const misspelt = issues.filter(({ code }) => code === "unrecognized_keys");
  const holders = new Set(misspelt.map(({ path }) => path.join("\n")));
  return issues.filter(({ code, path }) => code !== "custom" || !holders.has(path.join("\n")));
}

/** A number beyond two limits, as its own and that of whole numbers, is one mistake: the narrower limit tells it. */
function withoutWiderLimits(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const narrowest = new Map<string, z.core.$ZodIssue>();
  for (const issue of issues) {
    const beyond = beyondOf(issue);
    if (beyond === undefined) continue;
    const other = narrowest.get(beyond.key);
    if (other === undefined || beyond.limit < (beyondOf(other)?.limit ?? 0)) narrowest.set(beyond.key, issue);
  }
  return issues.filter((issue) => {
    const beyond = beyondOf(issue);
    return beyond === undefined || narrowest.get(beyond.key) === issue;
  });
}

/** The less the limit, the narrower. */
function beyondOf(issue: z.core.$ZodIssue): { readonly key: string; readonly limit: number } | undefined {
  const path = issue.path.join("\n");
  if (issue.code === "too_big") return { key: `over ${path}`, limit: Number(issue.maximum) };
  if (issue.code === "too_small") return { key: `under ${path}`, limit: -Number(issue.minimum) };
  return undefined;
}

/** A misspelt key is one mistake: that the right one is missing need not be said as well. */
function withoutEchoes<P extends string>(problems: readonly WrittenFault<P>[]): WrittenFault<P>[] {
  const meant = new Set<string | null>();
  for (const fault of problems) if ("nearest" in fault) meant.add(fault.nearest);
  return problems.filter((fault) => {
    return !fault.code.endsWith("_KEY_MISSING") || !("key" in fault) || !meant.has(lastKey(fault.key));
  });
}

function lastKey(key: string): string {
  return key.split(".").at(-1) ?? "";
}

const KIND_OF_VALUE: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  object: "keys and values",
  array: "a list",
};

function whyOf(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${KIND_OF_VALUE[issue.expected] ?? issue.expected}, found ${shown(value)}`;
    case "invalid_value": {
      const values = issue.values.map(String);
      const meant = typeof value === "string" ? nearest(value, values) : null;
      const hint = meant === null ? `expected ${values.join(" or ")}` : `did you mean "${meant}"?`;
      return `${shown(value)} is not known; ${hint}`;
    }
    case "too_small":
      return `${shown(value)} is too small; ${issue.inclusive ? "at least" : "more than"} ${issue.minimum} is expected`;
    case "too_big":
      return `${shown(value)} is too large; ${issue.inclusive ? "at most" : "less than"} ${issue.maximum} is expected`;
    case "invalid_union":
      return `expected text or a number, found ${shown(value)}`;
    default:
      return issue.message;
  }
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "keys and values";
  return typeof value === "string" ? `"${value.slice(0, 60)}"` : String(value);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

function placeAt(source: Source, path: readonly PropertyKey[]): Place {
  for (let length = path.length; length >= 0; length--) {
    const inside = path.slice(0, length);
    const node: unknown = length === 0 ? source.document.contents : source.document.getIn(inside, true);
    if (isNode(node) && node.range) return placeOfOffset(source, node.range[0]);
  }
  return placeOfOffset(source, 0);
}

function placeOfKey(source: Source, path: readonly PropertyKey[], key: string): Place {
  const holder: unknown = path.length === 0 ? source.document.contents : source.document.getIn(path, true);
  if (isMap(holder)) {
    for (const { key: node } of holder.items) {
      if (isScalar(node) && String(node.value) === key && node.range)
        return placeOfOffset(source, node.range[0]);
    }
  }
  return placeAt(source, path);
}

function placeOfOffset({ file, lines }: Pick<Source, "file" | "lines">, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function byPlace<P extends string>(a: WrittenFault<P>, b: WrittenFault<P>): number {
  if (!("line" in a) || !("line" in b)) return 0;
  return a.line - b.line || a.column - b.column;
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/:$/, "").slice(0, 200);
}
