/** How long the process lives: until a signal, the end of its parent, or a failure it cannot outlive. */
import type { Log } from "../ports.ts";

/** A stop that takes longer has gone wrong; what is acknowledged is durable, so nothing is lost. */
const STOP_MS_MAX = 4_500;

export interface Lifetime {
  /** "station": its log says station_stopping and station_failed. */
  readonly name: string;
  /** The end of stdin, which its parent holds, is a signal too. */
  readonly exitsWithParent: boolean;
  /** Resolves with what it cannot outlive. */
  readonly failed: Promise<string>;
  readonly log: Log;
}

/** @returns the exit code, once it is time to stop */
export function untilStopped({ name, exitsWithParent, failed, log }: Lifetime): Promise<number> {
  return new Promise((resolve) => {
    const stop = (why: string, code: number) => (): void => {
      process.stdin.destroy();
      log.info(`${name}_stopping`, { why });
      setTimeout(() => process.exit(code), STOP_MS_MAX).unref();
      resolve(code);
    };
    process.once("SIGTERM", stop("SIGTERM", 0));
    process.once("SIGINT", stop("SIGINT", 0));
    if (exitsWithParent)
      process.stdin.resume().once("end", stop("parent ended", 0)).once("error", stop("parent ended", 0));
    void failed.then((why) => {
      log.error(`${name}_failed`, { why });
      stop("failure", 1)();
    });
  });
}
