/**
 * How fast the engine trains, beside PyTorch and the machine's own sgemm.
 *
 * Each contestant is a process of its own that keeps its state. Turns go round, so that what disturbs the machine
 * disturbs all alike. A step's time is a turn's divided by its steps; targets are on the best turn, since what
 * disturbs a turn only ever slows it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertDefined } from "@pingo/core";
import type { Row, Suite, SuiteOptions } from "../report.ts";
import { buildRows } from "./build-time.ts";
import { holdContest } from "./contest.ts";
import { startContestant } from "./contestant.ts";
import { type Entrant, entrantsOf } from "./entrants.ts";
import { writeCase } from "./exchange.ts";
import { profileTable } from "./profile.ts";
import { contestRows } from "./rows.ts";
import type { Workload } from "./workload.ts";
import { WORKLOADS } from "./workloads.ts";

export const autogradSuite: Suite = {
  name: "autograd",
  about: "train steps beside PyTorch's and the machine's sgemm, start-up, memory; or of the workloads named",
  cases: WORKLOADS.map(({ name }) => name),
  run: runAutogradSuite,
  profile: async ({ cases }) => {
    const tables: string[] = [];
    for (const workload of chosenWorkloads(cases)) tables.push(await profileTable(workload));
    return tables.join("\n\n");
  },
};

function chosenWorkloads(cases: readonly string[]): readonly Workload[] {
  return WORKLOADS.filter(({ name }) => cases.length === 0 || cases.includes(name));
}

/** Node writes what it compiled when a process ends. */
async function compileOurs(entrants: readonly Entrant[]): Promise<void> {
  const ours = assertDefined(
    entrants.find(({ engine }) => engine === "PinGo"),
    "PinGo",
  );
  const contestant = await startContestant(ours.command);
  if (!("skipped" in contestant)) await contestant.end();
}

async function runAutogradSuite(
  say: (line: string) => void,
  { cases }: SuiteOptions,
): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "pingo-bench-"));
  const rows: Row[] = [];
  try {
    for (const workload of chosenWorkloads(cases)) {
      await writeCase(workload, folder);
      const entrants = entrantsOf(workload, folder);
      if (rows.length === 0) await compileOurs(entrants);
      const contest = await holdContest(workload, entrants, say);
      rows.push(...contestRows(workload, contest));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return cases.length === 0 ? [...rows, ...buildRows()] : rows;
}
