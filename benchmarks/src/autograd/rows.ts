/** From a contest to the rows of the report. The targets are those of docs/adr/0003-engine.md. */
import { type Row, row, type Target } from "../report.ts";
import type { Absence, Contest, Result } from "./contest.ts";
import type { Engine } from "./entrants.ts";
import { stepFlops } from "./flops.ts";
import type { Workload } from "./workload.ts";

const MiB = 1024 * 1024;
/** Relative: the same weights and rows, sums in another order, grown by as many steps as a turn has. */
const LOSS_DIFFERENCE_MAX = 1e-3;
const JAX_RATIO_MIN = 3;
const SESSION_START_MS_MAX = 300;

export function contestRows(workload: Workload, contest: Contest): readonly Row[] {
  const threads = [...new Set(contest.results.map((result) => result.threads))];
  return [
    ...threads.flatMap((count) => speedRows(workload, contest, count)),
    ...(["jax-js", "tfjs-wasm"] as const).flatMap((engine) => peerRows(workload, contest, engine)),
    ...ownRows(workload, contest),
    ...agreementRows(workload, contest),
  ];
}

function speedRows({ name, targets }: Workload, contest: Contest, threads: number): Row[] {
  const us = resultOf(contest, "PinGo", threads);
  if (us === undefined) return [];
  const torch = find(contest, "PyTorch", threads);
  const label = `${name}, ${threads} thread${threads === 1 ? "" : "s"}`;
  const target = threads === 1 ? atLeast(targets.torchRatioMin) : null;
  return (["bestMs", "medianMs"] as const).map((measure) =>
    row(
      {
        case: label,
        metric: measure === "bestMs" ? "steps per second, best" : "steps per second, median",
        value: 1000 / us[measure],
        unit: "1/s",
      },
      peerOf(torch, (peer) => 1000 / peer[measure]),
      measure === "bestMs" ? target : null,
    ),
  );
}

function peerRows({ name }: Workload, contest: Contest, engine: "jax-js" | "tfjs-wasm"): Row[] {
  const us = resultOf(contest, "PinGo", 1);
  if (us === undefined) return [];
  return [
    row(
      { case: `${name}, 1 thread`, metric: "steps per second, best", value: 1000 / us.bestMs, unit: "1/s" },
      peerOf(find(contest, engine, 1), (peer) => 1000 / peer.bestMs),
      atLeast(engine === "jax-js" ? JAX_RATIO_MIN : null),
    ),
  ];
}

function ownRows(workload: Workload, contest: Contest): Row[] {
  const us = resultOf(contest, "PinGo", 1);
  if (us === undefined) return [];
  const gflops = stepFlops(workload.model(), workload.batchSize) / us.bestMs / 1e6;
  const { openMs = Number.NaN } = us.introduction;
  return [
    row(
      {
        case: `${workload.name}, 1 thread`,
        metric: `share of sgemm's ${contest.sgemmGflops.toFixed(0)} GFLOP/s`,
        value: (100 * gflops) / contest.sgemmGflops,
        unit: "%",
      },
      null,
      atLeast(workload.targets.sgemmPercentMin),
    ),
    row(
      { case: workload.name, metric: "session start", value: openMs, unit: "ms" },
      null,
      atMost(SESSION_START_MS_MAX),
    ),
    row(
      { case: workload.name, metric: "peak resident", value: us.peakBytes / MiB, unit: "MiB" },
      peerOf(find(contest, "PyTorch", 1), ({ peakBytes }) => peakBytes / MiB),
      atMost(1),
    ),
  ];
}

/** That all train the same thing. */
function agreementRows(workload: Workload, contest: Contest): Row[] {
  const us = resultOf(contest, "PinGo", 1);
  const torch = resultOf(contest, "PyTorch", 1);
  if (us === undefined || torch === undefined) return [];
  const differences = us.losses.map((loss, i) => Math.abs(loss / (torch.losses[i] ?? Number.NaN) - 1));
  const metric = `losses of ${differences.length} steps, largest difference from PyTorch's`;
  const value = Math.max(...differences);
  return [row({ case: workload.name, metric, value, unit: "" }, null, atMost(LOSS_DIFFERENCE_MAX))];
}

function find(contest: Contest, engine: Engine, threads: number): Result | Absence | undefined {
  return contest.results.find((result) => result.engine === engine && result.threads === threads);
}

function resultOf(contest: Contest, engine: Engine, threads: number): Result | undefined {
  const found = find(contest, engine, threads);
  return found === undefined || "skipped" in found ? undefined : found;
}

function peerOf(
  found: Result | Absence | undefined,
  read: (result: Result) => number,
): { name: string; value: number | null } | null {
  if (found === undefined) return null;
  return "skipped" in found
    ? { name: `${found.engine}: skipped, ${found.skipped}`, value: null }
    : { name: found.introduction.name, value: read(found) };
}

function atLeast(bound: number | null): Target | null {
  return bound === null ? null : { relation: "≥", bound };
}

function atMost(bound: number): Target {
  return { relation: "≤", bound };
}
