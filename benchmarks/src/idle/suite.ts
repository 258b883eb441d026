/**
 * What lending costs the owner, how fast it yields, and how much it harvests: a real agent with a real unit that does not
 * end, beside no agent, a plain nice 19 worker and BOINC.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { PROFILES, type ProfileName } from "@pingo/scheduler";
import { type Row, row, type Suite, type SuiteOptions, skipped } from "../report.ts";
import { drawDay } from "./day.ts";
import { foregroundRows, latencyRows } from "./foreground.ts";
import { boincRule, harvestOf, pingoRule } from "./harvest.ts";
import { type Lending, startLending } from "./lending.ts";
import { restRows } from "./rest.ts";
import { yieldRows } from "./yield.ts";

type Case = (lending: Lending, say: (line: string) => void) => Promise<readonly Row[]>;

const HARVEST = "harvest";
/** Each can be asked for alone; "harvest" needs no processes. */
const CASES: Readonly<Record<string, Case>> = {
  compile: (lending, say) => foregroundRows("compile", lending, say),
  encode: (lending, say) => foregroundRows("encode", lending, say),
  "long-encode": (lending, say) => foregroundRows("long encode", lending, say),
  ticks: latencyRows,
  yield: yieldRows,
  rest: restRows,
};

export const idleSuite: Suite = {
  name: "idle",
  about: "what lending costs the owner's own work, how fast it yields, how much of a day it harvests",
  cases: [...Object.keys(CASES), HARVEST],
  run: runIdleSuite,
};

async function runIdleSuite(say: (line: string) => void, { cases }: SuiteOptions): Promise<readonly Row[]> {
  const asked = idleSuite.cases.filter((name) => cases.length === 0 || cases.includes(name));
  const rows: Row[] = [];
  if (process.platform !== "linux") {
    return asked.map((name) => skipped(name, "all", "it reads /proc, and this is not Linux"));
  }
  if (asked.includes(HARVEST)) rows.push(...harvestRows());
  const measured = asked.flatMap((name) => CASES[name] ?? []);
  if (measured.length === 0) return rows;
  const home = await mkdtemp(join(tmpdir(), "pingo-bench-idle-"));
  try {
    await using lending = await startLending(home);
    for (const measure of measured) rows.push(...(await measure(lending, say)));
    return rows;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const DAY_SEED = 1;

function harvestRows(): Row[] {
  const cores = availableParallelism();
  const day = drawDay(DAY_SEED, cores);
  const name = `harvest of a drawn day, ${cores} cores`;
  const boinc = harvestOf(day, boincRule(day));
  const ofProfile = (profile: ProfileName, isJudged: boolean): Row[] => {
    const ours = harvestOf(day, pingoRule(day, PROFILES[profile]));
    const measured = (metric: string, share: number) => ({
      case: name,
      metric: `${profile}: ${metric}`,
      value: share * 100,
      unit: "%",
    });
    const beside = (share: number) => ({ name: "BOINC's rule", value: share * 100 });
    return [
      row(
        measured("of the idle time its limits allow", ours.ofAllowed),
        null,
        isJudged ? { relation: "≥", bound: 95 } : null,
      ),
      row(measured("of all idle time", ours.ofIdle), beside(boinc.ofIdle), null),
      row(measured("of the owner's time shared with ours", ours.contended), beside(boinc.contended), null),
    ];
  };
  return [...ofProfile("gentle", true), ...ofProfile("balanced", true), ...ofProfile("dedicated", true)].map(
    asPercent,
  );
}

/** The bound is a share of a hundred, as is the value; where there is a peer nothing is judged. */
function asPercent(one: Row): Row {
  return one.target === null ? one : { ...one, target: `${one.target} %` };
}
