/** The keys a schema knows at a path, for hints. */
import { z } from "zod";

/** None where there is no object. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const key of path) {
    const inside = unwrap(at);
    at = inside instanceof z.ZodObject ? inside.shape[String(key)] : undefined;
  }
  const inside = unwrap(at);
  return inside instanceof z.ZodObject ? Object.keys(inside.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  const isWrapped =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional;
  return isWrapped ? unwrap(schema.unwrap()) : schema;
}
