/** What the agent costs while it waits, and how soon after its start it works. */
import { setTimeout as pause } from "node:timers/promises";
import { type Row, row } from "../report.ts";
import type { Lending } from "./lending.ts";
import { processMs, residentMiB } from "./proc.ts";

/** What it does once after its start is over by then, also the collection at rest. */
const SETTLE_MS = 15_000;
/** The target is said in millions of bytes. */
const MB_PER_MIB = 1.048576;
const WATCH_MS = 20_000;

export async function restRows(lending: Lending, say: (line: string) => void): Promise<readonly Row[]> {
  const name = "agent";
  const rows: Row[] = [];
  {
    await using agent = await lending.join("profile: gentle\n");
    await agent.ready;
    await pause(SETTLE_MS);
    const [cpuMs, atMs] = [processMs(agent.pid), performance.now()];
    await pause(WATCH_MS);
    const core = (100 * (processMs(agent.pid) - cpuMs)) / (performance.now() - atMs);
    const resident = residentMiB(agent.pid) * MB_PER_MIB;
    say(`waiting for work: ${core.toFixed(2)} % of a core, ${resident.toFixed(1)} MB`);
    rows.push(
      row({ case: name, metric: "CPU while waiting, of a core", value: core, unit: "%" }, null, {
        relation: "≤",
        bound: 1,
      }),
      row({ case: name, metric: "resident while waiting", value: resident, unit: "MB" }, null, {
        relation: "≤",
        bound: 80,
      }),
    );
  }
  await lending.submit();
  const startMs = performance.now();
  await using agent = await lending.join("profile: gentle\n");
  await agent.begun();
  const value = (performance.now() - startMs) / 1_000;
  rows.push(
    row({ case: name, metric: "start to first step done", value, unit: "s" }, null, {
      relation: "≤",
      bound: 10,
    }),
  );
  await agent.working();
  const [cpuMs, atMs] = [processMs(agent.pid), performance.now()];
  await pause(WATCH_MS / 2);
  const core = (100 * (processMs(agent.pid) - cpuMs)) / (performance.now() - atMs);
  rows.push(
    row({ case: name, metric: "CPU while its workers work, of a core", value: core, unit: "%" }, null, null),
  );
  return rows;
}
