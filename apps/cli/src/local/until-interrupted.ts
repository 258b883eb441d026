/** Rejects when whoever started the command ends it; never resolves. */
import { CliError } from "../cli-error.ts";

/** @throws {CliError} INTERRUPTED */
export function untilInterrupted(signal: AbortSignal): Promise<never> {
  const interrupted = new CliError({ code: "INTERRUPTED" });
  if (signal.aborted) return Promise.reject(interrupted);
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(interrupted), { once: true });
  promise.catch(() => undefined); // only those that race it hear of it
  return promise;
}
