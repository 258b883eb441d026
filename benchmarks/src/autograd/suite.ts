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
import type { Row, Suite, SuiteOptions } from "../report.ts";
import { buildRows } from "./build-time.ts";
import { holdContest } from "./contest.ts";
import { entrantsOf } from "./entrants.ts";
import { writeCase } from "./exchange.ts";
import { contestRows } from "./rows.ts";
import { WORKLOADS } from "./workloads.ts";

export const autogradSuite: Suite = {
  name: "autograd",
  about: "train steps beside PyTorch's and the machine's sgemm, start-up, memory; or of the workloads named",
  run: runAutogradSuite,
};

async function runAutogradSuite(
  say: (line: string) => void,
  { cases }: SuiteOptions,
): Promise<readonly Row[]> {
  const unknown = cases.filter((name) => !WORKLOADS.some((workload) => workload.name === name));
  if (unknown.length > 0) {
    throw new Error(`no workload "${unknown[0]}"; there are ${WORKLOADS.map(({ name }) => name).join(", ")}`);
  }
  const chosen = WORKLOADS.filter(({ name }) => cases.length === 0 || cases.includes(name));
  const folder = await mkdtemp(join(tmpdir(), "pingo-bench-"));
  const rows: Row[] = [];
  try {
    for (const workload of chosen) {
      await writeCase(workload, folder);
      const contest = await holdContest(workload, entrantsOf(workload, folder), say);
      rows.push(...contestRows(workload, contest));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return cases.length === 0 ? [...rows, ...buildRows()] : rows;
}
