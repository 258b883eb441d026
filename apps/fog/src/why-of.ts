/** An error as a log line says it: a fault by its sentence, a bug by its stack. */
import { isFault } from "@pingo/core";

export function whyOf(error: unknown): string {
  if (isFault(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
