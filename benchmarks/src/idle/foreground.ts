/** The owner's programs beside each background in turn; medians over the turns, each background started anew. */
import { median, type Row, row, skipped } from "../report.ts";
import { type Background, type BackgroundName, backgrounds } from "./background.ts";
import type { Lending } from "./lending.ts";
import { compile, encode, hasEncoder, type Ticks, ticks } from "./owner-work.ts";
import { untilMachineIs } from "./proc.ts";

const TURNS = 3;
const OURS: BackgroundName = "PinGo, gentle";
const NOTHING: BackgroundName = "no agent";
/** A share of the time without an agent. */
const SLOWED_MAX = 1.02;
const TICK_MS_MAX = 1;
const CALM_MS_MAX = 10_000;

export async function foregroundRows(
  name: "compile" | "encode",
  lending: Lending,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  if (name === "encode" && !hasEncoder())
    return [skipped(name, "seconds", "ffmpeg with libx264 is not installed")];
  await lending.submit();
  const run = name === "compile" ? compile : encode;
  const secondsBy = await turns(backgrounds(lending), run, (seconds) => `${seconds.toFixed(2)} s`, say);
  const alone = median(secondsBy.get(NOTHING) ?? []);
  return backgrounds(lending).flatMap((background) => {
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
  const ticksBy = await turns(backgrounds(lending), ticks, told, say);
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
  all: readonly Background[],
  run: () => Promise<T>,
  tell: (result: T) => string,
  say: (line: string) => void,
): Promise<ReadonlyMap<BackgroundName, readonly T[]>> {
  const usable = all.filter(({ missing }) => missing === null);
  const results = new Map<BackgroundName, T[]>(usable.map(({ name }) => [name, []]));
  for (let turn = 1; turn <= TURNS; turn++) {
    for (const { name, start } of usable) {
      if (!(await untilMachineIs("idle", CALM_MS_MAX)))
        say("this machine is not idle: what is measured now says little");
      await using _background = await start();
      const result = await run();
      results.get(name)?.push(result);
      say(`turn ${turn} of ${TURNS}, ${name}: ${tell(result)}`);
    }
  }
  return results;
}
