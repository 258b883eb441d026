/** The owner's programs beside each background in turn; medians over the turns, each background started anew. */
import { setTimeout as pause } from "node:timers/promises";
import { median, type Row, row, skipped } from "../report.ts";
import { type Background, type BackgroundName, backgrounds } from "./background.ts";
import type { Lending } from "./lending.ts";
import { compile, encode, hasEncoder, type Ticks, ticks } from "./owner-work.ts";
import { untilMachineIs } from "./proc.ts";

const OURS: BackgroundName = "PinGo, gentle";
const NOTHING: BackgroundName = "no agent";
/** A share of the time without an agent. */
const SLOWED_MAX = 1.02;
const TICK_MS_MAX = 1;
const CALM_MS_MAX = 10_000;
/**
 * The owner's computer stood idle before: what the last program gave back of memory, the host of a virtual machine has
 * taken by then, and the next one waits for each page anew. Without it, what starts right after another is a tenth of a
 * second faster or two, whatever stands beside it.
 */
const REST_MS = 6_000;

interface Program {
  readonly run: () => Promise<number>;
  readonly turns: number;
  readonly needsEncoder: boolean;
  /** Every background, or none and ours. */
  readonly hasPeers: boolean;
}

export type ProgramName = "compile" | "encode" | "long encode";

/** What is short is asked more often: it differs by several hundredths from turn to turn. */
const PROGRAMS: { readonly [P in ProgramName]: Program } = {
  compile: { run: compile, turns: 3, needsEncoder: false, hasPeers: true },
  encode: { run: () => encode(6), turns: 5, needsEncoder: true, hasPeers: true },
  "long encode": { run: () => encode(60), turns: 3, needsEncoder: true, hasPeers: false },
};
const TICK_TURNS = 3;

export async function foregroundRows(
  name: ProgramName,
  lending: Lending,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const { run, turns: count, needsEncoder, hasPeers } = PROGRAMS[name];
  if (needsEncoder && !hasEncoder())
    return [skipped(name, "seconds", "ffmpeg with libx264 is not installed")];
  await lending.submit();
  const beside = backgrounds(lending).filter((one) => hasPeers || one.name === NOTHING || one.name === OURS);
  const secondsBy = await turns(count, beside, run, (seconds) => `${seconds.toFixed(2)} s`, say);
  const alone = median(secondsBy.get(NOTHING) ?? []);
  return beside.flatMap((background) => {
    if (background.name === NOTHING) return [];
    const metric = `seconds beside ${background.name}`;
    if (background.missing !== null) return [skipped(name, metric, background.missing)];
    const value = median(secondsBy.get(background.name) ?? []);
    const target = background.name === OURS ? ({ relation: "≤", bound: SLOWED_MAX } as const) : null;
    return [row({ case: name, metric, value, unit: "s" }, { name: NOTHING, value: alone }, target)];
  });
}

export async function latencyRows(lending: Lending, say: (line: string) => void): Promise<readonly Row[]> {
  await lending.submit();
  const told = ({ p50Ms, p99Ms }: Ticks) => `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
  const ticksBy = await turns(TICK_TURNS, backgrounds(lending), ticks, told, say);
  const of = (background: BackgroundName, read: (one: Ticks) => number) =>
    median((ticksBy.get(background) ?? []).map(read));
  return backgrounds(lending).flatMap((background) => {
    if (background.name === NOTHING) return [];
    const metric = `lateness beside ${background.name}`;
    if (background.missing !== null) return [skipped("ticks of 10 ms", metric, background.missing)];
    const judged = background.name === OURS ? ({ relation: "≤", bound: TICK_MS_MAX } as const) : null;
    const [p50Ms, p99Ms] = [of(background.name, (one) => one.p50Ms), of(background.name, (one) => one.p99Ms)];
    const alone99Ms = of(NOTHING, (one) => one.p99Ms);
    const measured = (percentile: string, value: number) => ({
      case: "ticks of 10 ms",
      metric: `${metric}, ${percentile}`,
      value,
      unit: "ms",
    });
    return [
      row(measured("p50", p50Ms), { name: NOTHING, value: of(NOTHING, (one) => one.p50Ms) }, null),
      row(measured("p99", p99Ms), { name: NOTHING, value: alone99Ms }, null),
      row(measured("added at p99", p99Ms - alone99Ms), null, judged),
    ];
  });
}

async function turns<T>(
  count: number,
  all: readonly Background[],
  run: () => Promise<T>,
  tell: (result: T) => string,
  say: (line: string) => void,
): Promise<ReadonlyMap<BackgroundName, readonly T[]>> {
  const usable = all.filter(({ missing }) => missing === null);
  const results = new Map<BackgroundName, T[]>(usable.map(({ name }) => [name, []]));
  let endedMs = performance.now();
  for (let turn = 1; turn <= count; turn++) {
    for (const { name, start } of usable) {
      if (!(await untilMachineIs("idle", CALM_MS_MAX)))
        say("this machine is not idle: what is measured now says little");
      await using _background = await start();
      await pause(Math.max(0, endedMs + REST_MS - performance.now()));
      const result = await run();
      endedMs = performance.now();
      results.get(name)?.push(result);
      say(`turn ${turn} of ${count}, ${name}: ${tell(result)}`);
    }
  }
  return results;
}
