/** The entrants of one workload, turn by turn: what each needed. */
import { measureGflops } from "@pingo/autograd";
import { systemClock } from "@pingo/core/system";
import { median } from "../report.ts";
import { type Contestant, type Introduction, startContestant, type Turn } from "./contestant.ts";
import type { Engine, Entrant } from "./entrants.ts";
import type { Workload } from "./workload.ts";

const TURNS = 6;

export interface Result {
  readonly engine: Engine;
  readonly threads: number;
  readonly introduction: Introduction;
  readonly bestMs: number;
  readonly medianMs: number;
  /** Of the first turn's steps. */
  readonly losses: readonly number[];
  readonly peakBytes: number;
}

export interface Absence {
  readonly engine: Engine;
  readonly threads: number;
  readonly skipped: string;
}

export interface Contest {
  readonly results: readonly (Result | Absence)[];
  /** The best sgemm of one thread met in between, by ONNX Runtime or a peer. */
  readonly sgemmGflops: number;
}

export async function holdContest(
  workload: Workload,
  entrants: readonly Entrant[],
  say: (line: string) => void,
): Promise<Contest> {
  const absent: Absence[] = [];
  const runs: { entrant: Entrant; contestant: Contestant; turns: Turn[] }[] = [];
  for (const entrant of entrants) {
    const { engine, threads, absent: why } = entrant;
    const contestant = why === undefined ? await startContestant(entrant.command) : { skipped: why };
    if ("skipped" in contestant) absent.push({ engine, threads, skipped: contestant.skipped });
    else runs.push({ entrant, contestant, turns: [] });
  }
  let sgemmGflops = 0;
  for (let i = 0; i < TURNS; i++) {
    for (const { entrant, contestant, turns } of runs) {
      const pace = entrant.pace ?? { turns: TURNS, stepsPerTurn: workload.stepsPerTurn };
      if (i >= pace.turns) continue;
      const turn = await contestant.turn(pace.stepsPerTurn);
      turns.push(turn);
      if (entrant.threads === 1) sgemmGflops = Math.max(sgemmGflops, turn.sgemmGflops ?? 0);
    }
    sgemmGflops = Math.max(sgemmGflops, await measureGflops({ clock: systemClock }));
  }
  const results: Result[] = [];
  for (const { entrant, contestant, turns } of runs) {
    const stepsMs = turns.map(({ wallMs, losses }) => wallMs / losses.length);
    const result: Result = {
      engine: entrant.engine,
      threads: entrant.threads,
      introduction: contestant.introduction,
      bestMs: Math.min(...stepsMs),
      medianMs: median(stepsMs),
      losses: turns[0]?.losses ?? [],
      peakBytes: await contestant.end(),
    };
    const { engine, threads, bestMs, medianMs } = result;
    const cpuMs = Math.min(...turns.map((turn) => turn.cpuMs / turn.losses.length));
    say(
      `${workload.name}, ${engine}, ${threads}: ${bestMs.toFixed(2)} ms at best, median ${medianMs.toFixed(2)}, of CPU time ${cpuMs.toFixed(2)} at best`,
    );
    results.push(result);
  }
  for (const { engine, threads, skipped } of absent)
    say(`${workload.name}, ${engine}, ${threads}: ${skipped}`);
  return { results: [...results, ...absent], sgemmGflops };
}
