/** What a `kind: Run` job asks for, and how a piece of it may end. Design: docs/reference/job-file.md. */
import { z } from "zod";
import type { Cid } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { zCid, zCount } from "./schema.ts";
import { formatBytes } from "./units.ts";

/** What one piece finds under /input: a folder, or one file under this name. */
export interface PieceInput {
  readonly cid: Cid;
  /** Of the file or folder; a file is found under it. */
  readonly name: string;
}

export interface SizedInput extends PieceInput {
  /** Of all its files together. */
  readonly sizeBytes: number;
}

/** How often each piece of a job is run, by what its `verify` says. */
export const REPLICAS = { none: 1, always: 2 } as const;

/** What every piece of a job may take. */
export interface PieceLimits {
  /** Of the module's own memory. */
  readonly memoryBytes: number;
  /** Of all files that it leaves. */
  readonly outputBytes: number;
  /** Longest run; a piece that takes longer is ended. */
  readonly secondsPerPiece: number;
}

export const zArgument: z.ZodType<string, string> = z
  .string()
  .max(LIMITS.argumentCharsMax)
  .refine((text) => !text.includes("\0"), "expected no NUL character");
export const zArguments: z.ZodType<readonly string[]> = z.array(zArgument).max(LIMITS.argumentsMax);

const zInput = {
  cid: zCid,
  name: z
    .string()
    .min(1)
    .max(255)
    .refine(
      (name) => name !== "." && name !== ".." && !/[/\\\0]/.test(name),
      "expected a name without a slash",
    ),
};
export const zPieceInput: z.ZodType<PieceInput> = z.strictObject(zInput);
export const zSizedInput: z.ZodType<SizedInput> = z.strictObject({ ...zInput, sizeBytes: zCount });

export const zPieceLimits: z.ZodType<PieceLimits> = z.strictObject({
  memoryBytes: z.int().min(LIMITS.wasmPageBytes).max(LIMITS.wasmMemoryBytesMax),
  outputBytes: z.int().min(0).max(LIMITS.outputBytesMax),
  secondsPerPiece: z.number().positive().max(86_400),
});

/**
 * How a piece ended, where its own doing decided it: the same on every computer, so it is a result like any other and
 * paid. What a computer decided (it was too slow, or its owner came back) is no end: another provider tries.
 */
export type PieceEnd =
  | { readonly code: "EXITED"; readonly exitCode: number }
  | { readonly code: "TRAPPED"; readonly why: string }
  | { readonly code: "OUTPUT_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "OUTPUT_TOO_MANY"; readonly entriesMax: number }
  | { readonly code: "STDOUT_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "STDERR_TOO_LARGE"; readonly bytesMax: number };

const zBytesMax = { bytesMax: zCount };
export const zPieceEnd: z.ZodType<PieceEnd> = z.discriminatedUnion("code", [
  z.strictObject({ code: z.literal("EXITED"), exitCode: z.int().min(0).max(0xffffffff) }),
  z.strictObject({ code: z.literal("TRAPPED"), why: z.string().max(256) }),
  z.strictObject({ code: z.literal("OUTPUT_TOO_LARGE"), ...zBytesMax }),
  z.strictObject({ code: z.literal("OUTPUT_TOO_MANY"), entriesMax: zCount }),
  z.strictObject({ code: z.literal("STDOUT_TOO_LARGE"), ...zBytesMax }),
  z.strictObject({ code: z.literal("STDERR_TOO_LARGE"), ...zBytesMax }),
]);

export function hasSucceeded(end: PieceEnd): boolean {
  return end.code === "EXITED" && end.exitCode === 0;
}

/** For people. */
export function sentenceOfEnd(end: PieceEnd): string {
  switch (end.code) {
    case "EXITED":
      return end.exitCode === 0
        ? "it ended well"
        : `it ended with exit code ${end.exitCode}; its stderr says more`;
    case "TRAPPED":
      return `the module trapped: ${end.why}; build it with debug names and look at its stderr`;
    case "OUTPUT_TOO_LARGE":
      return `it wrote more than the ${formatBytes(end.bytesMax)} that the job allows; raise limits.output, or write less`;
    case "OUTPUT_TOO_MANY":
      return `it made more than ${end.entriesMax} files and folders; write fewer, larger files`;
    case "STDOUT_TOO_LARGE":
      return `it wrote more than ${formatBytes(end.bytesMax)} to stdout; write what is long to a file in /output`;
    case "STDERR_TOO_LARGE":
      return `it wrote more than ${formatBytes(end.bytesMax)} to stderr; write what is long to a file in /output`;
  }
}

/** Whose work it was, as `provenance.json` of a Run job tells it. */
export interface PieceRecord {
  readonly index: number;
  readonly input: PieceInput | null;
  readonly end: PieceEnd;
  /** UnixFS folder: end.json, stdout, stderr, output. The same on every computer. */
  readonly result: Cid;
  /** The fog node did the piece again and came to another result; this one counts for nothing. */
  readonly isRefuted: boolean;
  /** dag-cbor block, a VerdictBlock: what it came to there; left out where it is not refuted. */
  readonly verdict?: Cid;
  readonly provider: string;
  readonly attempt: number;
  /** dag-cbor block: the provider's signed receipt. */
  readonly receipt: Cid;
  /** dag-cbor block: the provider's statement about it, for its stake on chain; left out where none was asked for. */
  readonly statement?: Cid;
}
