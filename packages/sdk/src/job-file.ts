/**
 * The job file: what a user writes, read with the place of every mistake.
 *
 * YAML 1.2 (and so JSON). Unknown keys are refused; every problem is one sentence with file, line and column.
 */
import {
  FaultError,
  LIMITS,
  type Objective,
  type Optimizer,
  type Schedule,
  type Sentences,
} from "@pingo/core";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type JobFileShape, keysAt, NOT_BUILT, zJobFile } from "./job-file-schema.ts";
import { nearest } from "./nearest.ts";

/** A job as its file says it: paths relative to the file, defaults filled in, units of ours. */
export interface JobFile {
  readonly name: string;
  readonly model: string;
  readonly data: { readonly train: string; readonly test: string | null };
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly workers: {
    readonly min: number;
    readonly max: number;
    readonly cpuMillicores: number;
    readonly memoryBytes: number;
  };
  readonly retryMax: number;
  readonly budgetNano: string;
  readonly seed: number;
  /** "job.yaml:5:3" of a key such as "data.train", or of what holds it. */
  readonly placeOf: (key: string) => string;
}

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type JobFileFault =
  | { readonly code: "JOB_FILE_TOO_LARGE"; readonly file: string; readonly bytes: number }
  | ({ readonly code: "JOB_FILE_SYNTAX"; readonly why: string } & Place)
  | ({
      readonly code: "JOB_KEY_UNKNOWN";
      readonly key: string;
      readonly nearest: string | null;
      readonly known: readonly string[];
    } & Place)
  | ({ readonly code: "JOB_KEY_MISSING"; readonly key: string } & Place)
  | ({ readonly code: "JOB_VALUE_INVALID"; readonly key: string; readonly why: string } & Place)
  | ({
      readonly code: "JOB_NOT_BUILT";
      readonly key: string;
      readonly value: string;
      readonly instead: string;
    } & Place);

const SENTENCES: Sentences<JobFileFault> = {
  JOB_FILE_TOO_LARGE: (f) =>
    `${f.file} has ${f.bytes} bytes; a job file has at most ${LIMITS.jobFileBytesMax} (data belongs in its own files)`,
  JOB_FILE_SYNTAX: (f) => `${placeText(f)}: this is neither YAML nor JSON: ${f.why}`,
  JOB_KEY_UNKNOWN: (f) => {
    const hint = f.nearest === null ? `known here: ${f.known.join(", ")}` : `did you mean "${f.nearest}"?`;
    return `${placeText(f)}: unknown key "${f.key}"; ${hint}`;
  },
  JOB_KEY_MISSING: (f) => `${placeText(f)}: "${f.key}" is missing`,
  JOB_VALUE_INVALID: (f) => `${placeText(f)}: ${f.key ? `"${f.key}": ` : ""}${f.why}`,
  JOB_NOT_BUILT: (f) => `${placeText(f)}: "${f.key}: ${f.value}" is not built yet; ${f.instead}`,
};

export class JobFileError extends FaultError<JobFileFault> {
  override readonly name = "JobFileError";
  constructor(fault: JobFileFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/**
 * @param file the name that problems are reported under
 * @throws {JobFileError} the first problem
 */
export function parseJobFile(text: string, file: string): JobFile {
  const { job, problems } = readJobFile(text, file);
  const [problem] = problems;
  if (problem) throw problem;
  if (!job) throw new JobFileError({ code: "JOB_FILE_SYNTAX", file, line: 1, column: 1, why: "it is empty" });
  return job;
}

/** The job, or every problem of the file in the order of its lines. */
export function readJobFile(
  text: string,
  file: string,
): { readonly job: JobFile | null; readonly problems: readonly JobFileError[] } {
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.jobFileBytesMax) {
    return { job: null, problems: [new JobFileError({ code: "JOB_FILE_TOO_LARGE", file, bytes })] };
  }
  const source = readSource(text, file);
  if (source instanceof JobFileError) return { job: null, problems: [source] };
  const notBuilt = notBuiltIn(source);
  if (notBuilt) return { job: null, problems: [notBuilt] };
  const parsed = zJobFile.safeParse(source.value);
  if (parsed.success) return { job: jobOf(parsed.data, source), problems: [] };
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, source));
  return { job: null, problems: withoutEchoes(problems).sort(byPlace) };
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly value: unknown;
  readonly lines: LineCounter;
}

function readSource(text: string, file: string): Source | JobFileError {
  const lines = new LineCounter();
  const syntax = (offset: number, why: string, cause?: unknown): JobFileError => {
    const { line, col } = lines.linePos(offset);
    const place = { file, line: Math.max(1, line), column: Math.max(1, col) };
    return new JobFileError({ code: "JOB_FILE_SYNTAX", ...place, why }, { cause });
  };
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      version: "1.2",
      logLevel: "error",
    });
    const [error] = document.errors;
    if (error) return syntax(error.pos[0], firstLine(error.message), error);
    // An alias could make a small file large; a job file has no use for one.
    return { file, document, value: document.toJS({ maxAliasCount: 0 }), lines };
  } catch (cause) {
    const why =
      cause instanceof RangeError ? "it nests too deep" : "anchors and aliases have no place in a job file";
    return syntax(0, why, cause);
  }
}

function notBuiltIn(source: Source): JobFileError | undefined {
  for (const { key, values, instead } of NOT_BUILT) {
    const path = key.split(".");
    const value = source.document.getIn(path);
    if (typeof value !== "string" || !values.includes(value)) continue;
    return new JobFileError({ code: "JOB_NOT_BUILT", ...placeAt(source, path), key, value, instead });
  }
  return undefined;
}

function problemsOf(issue: z.core.$ZodIssue, source: Source): readonly JobFileError[] {
  const path = issue.path;
  const key = path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((unknown) => {
      const known = keysAt(path);
      const place = placeOfKey(source, path, unknown);
      return new JobFileError({
        code: "JOB_KEY_UNKNOWN",
        ...place,
        key: unknown,
        nearest: nearest(unknown, known),
        known,
      });
    });
  }
  if (path.length > 0 && !source.document.hasIn(path)) {
    return [new JobFileError({ code: "JOB_KEY_MISSING", ...placeAt(source, path), key })];
  }
  const value: unknown = path.length === 0 ? source.value : valueAt(source.value, path);
  const why = whyOf(issue, value);
  return [new JobFileError({ code: "JOB_VALUE_INVALID", ...placeAt(source, path), key, why })];
}

/** A misspelt key is one mistake: that the right one is missing need not be said as well. */
function withoutEchoes(problems: readonly JobFileError[]): JobFileError[] {
  const meant = new Set<string | null>();
  for (const { fault } of problems) if (fault.code === "JOB_KEY_UNKNOWN") meant.add(fault.nearest);
  return problems.filter(({ fault }) => {
    return fault.code !== "JOB_KEY_MISSING" || !meant.has(fault.key.split(".").at(-1) ?? "");
  });
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

function jobOf(shape: JobFileShape, source: Source): JobFile {
  const { min, max, resources } = shape.workers;
  return {
    name: shape.name,
    model: shape.model,
    data: { train: shape.data.train, test: shape.data.test ?? null },
    objective: shape.objective,
    optimizer: shape.optimizer,
    schedule: shape.schedule,
    workers: { min, max, cpuMillicores: resources.cpu, memoryBytes: resources.memory },
    retryMax: shape.retry.max,
    budgetNano: shape.budget,
    seed: shape.seed,
    placeOf: (key) => placeText(placeAt(source, key.split("."))),
  };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

/** Where the value at a path stands; where it is missing, what should hold it. */
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

function placeOfOffset(source: Source, offset: number): Place {
  const { line, col } = source.lines.linePos(offset);
  return { file: source.file, line: Math.max(1, line), column: Math.max(1, col) };
}

function placeText(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

function byPlace(a: JobFileError, b: JobFileError): number {
  if (!("line" in a.fault) || !("line" in b.fault)) return 0;
  return a.fault.line - b.fault.line || a.fault.column - b.fault.column;
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/:$/, "").slice(0, 200);
}
