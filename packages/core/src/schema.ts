/** zod schemas of the shapes every border shares, and the one way to use a schema at a border. */
import { z } from "zod";
import { FaultError, type Sentences } from "./fault.ts";
import { type Cid, type LeaseId, type NodeId, parseCid, parseLeaseId, parseNodeId } from "./ids.ts";
import { onOneLine } from "./one-line.ts";

export type ShapeFault = {
  readonly code: "SHAPE_INVALID";
  readonly what: string;
  readonly path: string;
  readonly why: string;
};

const SENTENCES: Sentences<ShapeFault> = {
  SHAPE_INVALID: (f) => `${f.what}${f.path ? `, at ${f.path}` : ""}: ${f.why}`,
};

export class ShapeError extends FaultError<ShapeFault> {
  override readonly name = "ShapeError";
  constructor(fault: ShapeFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/**
 * The value, once it has the schema's shape.
 *
 * @param what names the value in the error: "the job", "this message"
 * @throws {ShapeError} SHAPE_INVALID with the path of the first misfit
 */
export function parseShape<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join(".") ?? "";
  throw new ShapeError({ code: "SHAPE_INVALID", what, path, why: issue?.message ?? "unexpected shape" });
}

export const zCid: z.ZodType<Cid> = z.string().transform(guarded(parseCid));
export const zNodeId: z.ZodType<NodeId> = z.string().transform(guarded(parseNodeId));
export const zLeaseId: z.ZodType<LeaseId> = z.string().transform(guarded(parseLeaseId));
/** What people read, whoever wrote it. */
export const zSentence: z.ZodType<string> = z.string().transform(onOneLine);
export const zBytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
export const zCount: z.ZodType<number> = z.int().nonnegative();

function guarded<T>(parse: (text: string) => T): (text: string, context: z.RefinementCtx) => T {
  return (text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "invalid" });
      return z.NEVER;
    }
  };
}
