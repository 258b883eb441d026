/** Runs one of our daemons in the foreground, as `fog serve` and `node join` do. */
import { join } from "node:path";
import { sendSignal } from "@pingo/core/system";
import type { Context } from "./context.ts";
import { startChild } from "./local/child.ts";

const STOP_MS = 4_500;

export interface DaemonSpec {
  readonly name: string;
  readonly script: string;
  readonly flags?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly whenReady: (line: unknown) => string;
  /** While it runs; what this throws ends it. */
  readonly onceReady?: () => Promise<void>;
}

/** Until Ctrl-C (which is how it should end) or until the daemon ends by itself (which is a fault). */
export async function runDaemon(context: Context, spec: DaemonSpec): Promise<void> {
  const { config, screen, signal, ports } = context;
  const child = startChild(
    {
      name: spec.name,
      script: spec.script,
      ...(spec.flags && { flags: spec.flags }),
      env: { ...config.inherited, PINGO_HOME: config.home, PINGO_EXIT_WITH_PARENT: "1", ...spec.env },
      logPath: join(config.home, "logs", `${spec.name.replaceAll(" ", "-")}.log`),
    },
    ports.clock,
  );
  const stopped = new Promise<"stopped">((resolve) => {
    if (signal.aborted) resolve("stopped");
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  // Ctrl-Z: the daemon has a session of its own, and would go on unseen where it lends a computer. What it does about it is its own.
  const suspend = (): void => {
    sendSignal(child.pid, "SIGTSTP");
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = (): void => void sendSignal(child.pid, "SIGCONT");
  process.on("SIGTSTP", suspend).on("SIGCONT", resume);
  try {
    const line = await Promise.race([child.ready, stopped]);
    if (line !== "stopped") {
      screen.json(line);
      screen.line(spec.whenReady(line));
      screen.line(screen.paint("dim", `log ${child.logPath}; Ctrl-C stops it`));
      await Promise.race([spec.onceReady?.(), child.ended, stopped]);
    }
    const end = await Promise.race([child.ended, stopped]);
    if (end !== "stopped") throw child.faultOf(end);
  } finally {
    process.off("SIGTSTP", suspend).off("SIGCONT", resume);
    child.terminate();
    const timer = new AbortController();
    const late = ports.clock.sleep(STOP_MS, { signal: timer.signal }).catch(() => undefined); // aborted: it ended in time
    await Promise.race([child.ended, late]);
    timer.abort();
    child.kill();
  }
}
