import { expect, test } from "vitest";
import type { Result } from "./contest.ts";
import { stepFlops } from "./flops.ts";
import { contestRows } from "./rows.ts";
import { WORKLOADS } from "./workloads.ts";

const workload = WORKLOADS.find(({ name }) => name === "mlp");
const us: Result = {
  engine: "PinGo",
  threads: 1,
  introduction: { name: "PinGo", openMs: 40 },
  bestMs: 4,
  medianMs: 8,
  losses: [2.3, 2.2],
  peakBytes: 100 * 2 ** 20,
};

test("matrix work is counted forward once, backward for each operand that depends on a weight", () => {
  const mlp = WORKLOADS.find(({ name }) => name === "mlp");
  // 784·512 has no gradient of its input; 512·512 and 512·10 have both.
  expect(mlp && stepFlops(mlp.model(), 128)).toBe(2 * 128 * (2 * 784 * 512 + 3 * 512 * 512 + 3 * 512 * 10));
});

test("targets are judged on the best turn against PyTorch's, and losses against PyTorch's losses", () => {
  if (workload === undefined) throw new Error("there is an mlp");
  const torch: Result = {
    ...us,
    engine: "PyTorch",
    introduction: { name: "PyTorch 2" },
    bestMs: 5,
    losses: [2.3, 2.1],
  };
  const rows = contestRows(workload, { results: [us, torch], sgemmGflops: 100 });
  expect(rows.find(({ metric }) => metric === "steps per second, best")).toMatchObject({
    ratio: 1.25,
    met: true,
  });
  expect(rows.find(({ metric }) => metric.startsWith("losses"))).toMatchObject({ met: false });
});

test("a peer that is not there is named with its reason and judges nothing", () => {
  if (workload === undefined) throw new Error("there is an mlp");
  const torch = { engine: "PyTorch", threads: 1, skipped: "PyTorch is not installed" } as const;
  const rows = contestRows(workload, { results: [us, torch], sgemmGflops: 100 });
  const speed = rows.find(({ metric }) => metric === "steps per second, best");
  expect(speed).toMatchObject({ peer: "PyTorch: skipped, PyTorch is not installed", ratio: null, met: null });
  expect(rows.some(({ metric }) => metric.startsWith("losses"))).toBe(false);
});
