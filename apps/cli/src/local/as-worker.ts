/**
 * Training in this process as in a provider's worker, whose malloc is told by its environment how to behave: the C library reads
 * it once, when a process starts, so the program is started again in place of this process.
 */
import { GIVE_BACK, HUGE_PAGES } from "@pingo/core/malloc";

/** Does not return where it starts the program again; what the environment says of malloc already counts. */
export function startAsWorker(environment: Readonly<Record<string, string>>): void {
  const settings = { ...GIVE_BACK, ...HUGE_PAGES };
  const isTold = Object.keys(settings).every((key) => environment[key] !== undefined);
  // Elsewhere malloc is another and heeds none of it, and on Windows no process takes another's place.
  if (isTold || process.platform !== "linux") return;
  const { execPath, execArgv, argv } = process;
  process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...settings, ...environment });
}
