/** How long the process lives: until a signal, the end of its parent, or a failure it cannot outlive. */
import type { Log } from "@pingo/core";
import type { DevnetConfig } from "./config.ts";

/** A stop that takes longer has gone wrong; what is acknowledged is durable, so nothing is lost. */
export const STOP_MS_MAX = 4_500;

/** @returns the exit code, once it is time to stop */
export function untilStopped(
  config: Pick<DevnetConfig, "exitsWithParent">,
  failed: Promise<string>,
  log: Log,
): Promise<number> {
  return new Promise((resolve) => {
    const stop = (why: string, code: number) => (): void => {
      process.stdin.destroy();
      log.info("devnet_stopping", { why });
      setTimeout(() => process.exit(code), STOP_MS_MAX).unref();
      resolve(code);
    };
    process.once("SIGTERM", stop("SIGTERM", 0));
    process.once("SIGINT", stop("SIGINT", 0));
    if (config.exitsWithParent)
      process.stdin.resume().once("end", stop("parent ended", 0)).once("error", stop("parent ended", 0));
    void failed.then((why) => {
      log.error("devnet_failed", { why });
      stop("failure", 1)();
    });
  });
}
