/** How long after the owner's programs want every core the workers stand still. */
import type { ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { createPrng } from "@pingo/core";
import { type Row, row } from "../report.ts";
import type { Lending } from "./lending.ts";
import { isStopped, stateOf } from "./proc.ts";
import { startInSession } from "./session.ts";

/** Each takes some three seconds: the agent waits two until it believes the calm. */
const TRIALS = 60;
/** Only while a stop is timed: looking this often is a load of its own. */
const LOOK_MS = 1;
const REST_LOOK_MS = 25;
const STOP_MS_MAX = 30_000;
/** Gentle, but lent again at once: the loads would else be waited for half a minute each. */
const POLICY = "profile: gentle\ncalm: { from: 100ms, to: 100ms }\n";
/** Up to this long after they work again, so that loads fall anywhere between two looks. */
const REST_MS: readonly [number, number] = [200, 500];
const YIELD_MS_MAX = 100;

export async function yieldRows(lending: Lending, say: (line: string) => void): Promise<readonly Row[]> {
  await lending.submit();
  await using agent = await lending.join(POLICY);
  const workers = await agent.working();
  const burners = Array.from({ length: availableParallelism() }, () =>
    startInSession(process.execPath, ["-e", "for (;;);"]),
  ).map(({ child }) => child);
  try {
    const prng = createPrng(1);
    for (const burner of burners) burner.kill("SIGSTOP");
    const took: Took[] = [];
    while (took.length < TRIALS) {
      await until(() => workers.every((pid) => stateOf(pid) !== "T"), REST_LOOK_MS);
      await pause(REST_MS[0] + (REST_MS[1] - REST_MS[0]) * prng.float());
      took.push(await loadUntilStill(burners, workers));
    }
    const at = (share: number, read: (one: Took) => number) =>
      took.map(read).toSorted((a, b) => a - b)[Math.ceil(share * TRIALS) - 1] ?? Number.NaN;
    const stoppedMs = ({ stoppedMs: ms }: Took) => ms;
    const stillMs = ({ stillMs: ms }: Took) => ms;
    say(
      `${TRIALS} loads: median ${at(0.5, stoppedMs).toFixed(0)} ms, longest ${at(1, stoppedMs).toFixed(0)} ms`,
    );
    const name = `yield, ${workers.length} workers`;
    const measured = (metric: string, value: number) => ({ case: name, metric, value, unit: "ms" });
    const bound = { relation: "≤", bound: YIELD_MS_MAX } as const;
    return [
      row(measured("load to no code of ours running, p50", at(0.5, stoppedMs)), null, null),
      row(measured("load to no code of ours running, p99", at(0.99, stoppedMs)), null, bound),
      row(measured("load to the kernel's word that all stand still, p99", at(0.99, stillMs)), null, null),
    ];
  } finally {
    for (const burner of burners) burner.kill("SIGKILL");
  }
}

interface Took {
  readonly stoppedMs: number;
  readonly stillMs: number;
}

async function loadUntilStill(burners: readonly ChildProcess[], workers: readonly number[]): Promise<Took> {
  for (const burner of burners) burner.kill("SIGCONT");
  const startMs = performance.now();
  await until(() => workers.every(isStopped), LOOK_MS);
  const stoppedMs = performance.now() - startMs;
  await until(() => workers.every((pid) => stateOf(pid) === "T"), LOOK_MS);
  const stillMs = performance.now() - startMs;
  for (const burner of burners) burner.kill("SIGSTOP");
  return { stoppedMs, stillMs };
}

async function until(holds: () => boolean, lookMs: number): Promise<void> {
  for (const endMs = performance.now() + STOP_MS_MAX; !holds(); await pause(lookMs)) {
    if (performance.now() > endMs)
      throw new Error(`what was waited for did not come within ${STOP_MS_MAX} ms`);
  }
}
