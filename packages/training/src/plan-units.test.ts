import { cidOfValue, parseShape, zTrainUnit } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { planUnits } from "./plan-units.ts";
import { cidOf, jobOf, manifestOf } from "./testing/shapes.ts";

const plan = (options: { shardRows: number[]; workers: number; round?: number; steps?: number }) =>
  planUnits({
    job: jobOf({ stepsPerRound: options.steps ?? 1_000 }),
    jobId: cidOf("job"),
    manifest: manifestOf(options.shardRows),
    round: options.round ?? 1,
    program: cidOf("program"),
    weights: cidOf("weights"),
    workers: options.workers,
  });

const arbRound = fc.record({
  shardRows: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 }),
  workers: fc.integer({ min: 1, max: 12 }),
  round: fc.integer({ min: 1, max: 1_000 }),
  steps: fc.integer({ min: 1, max: 100 }),
});

test("units are valid, differ from each other, and are the same each time they are planned", () => {
  fc.assert(
    fc.property(arbRound, (round) => {
      const units = plan(round);
      for (const unit of units) expect(parseShape(zTrainUnit, unit, "the unit")).toEqual(unit);
      expect(new Set(units.map((unit) => cidOfValue(unit))).size).toBe(round.workers);
      expect(new Set(units.map(({ seed }) => seed)).size).toBe(round.workers);
      expect(plan(round)).toEqual(units);
    }),
  );
});

test("units get equally many shards, and share one only when there are too few", () => {
  fc.assert(
    fc.property(arbRound, (round) => {
      const units = plan(round);
      expect(new Set(units.map(({ shards }) => shards.length)).size).toBe(1);
      const dealt = units.flatMap(({ shards }) => shards.map(({ cid }) => cid));
      expect(new Set(dealt).size).toBe(Math.min(dealt.length, round.shardRows.length));
    }),
  );
});

test("a unit gets no more shards than its steps can use", () => {
  // 10 steps of 8 rows: one shard of 100 rows is enough.
  const units = plan({ shardRows: new Array(30).fill(100), workers: 3, steps: 10 });
  expect(units.map(({ shards }) => shards.length)).toEqual([1, 1, 1]);
});

test("over the rounds all shards are dealt, about equally often", () => {
  const shardRows = new Array(10).fill(100);
  const times = new Map<string, number>();
  for (let round = 1; round <= 300; round++) {
    for (const { shards } of plan({ shardRows, workers: 2, round, steps: 10 })) {
      for (const { cid } of shards) times.set(cid, (times.get(cid) ?? 0) + 1);
    }
  }
  expect(times.size).toBe(10);
  // 60 each on average; five standard deviations of 300 draws with p = 0.2.
  for (const count of times.values()) expect(Math.abs(count - 60)).toBeLessThan(35);
});

test("a unit knows where in the run's schedule it stands", () => {
  const job = jobOf();
  const schedule = { kind: "cosine", warmupSteps: 5, finalFactor: 0.1 } as const;
  const units = planUnits({
    job: { ...job, optimizer: { ...job.optimizer, schedule } },
    jobId: cidOf("job"),
    manifest: manifestOf([100]),
    round: 3,
    program: cidOf("program"),
    weights: cidOf("weights"),
    workers: 1,
  });
  for (const unit of units) expect(parseShape(zTrainUnit, unit, "the unit")).toEqual(unit);
  expect(units[0]?.learningRate).toBe(0.01);
  expect(units[0]?.schedule).toEqual({ ...schedule, stepsBefore: 20, stepsTotal: 30 });
});
