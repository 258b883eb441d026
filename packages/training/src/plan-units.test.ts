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

test("units get equally many shards or one more, and share one only when there are too few", () => {
  fc.assert(
    fc.property(arbRound, (round) => {
      const units = plan(round);
      const counts = units.map(({ shards }) => shards.length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
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

test("over the rounds each shard is dealt, as often as any other of its unit", () => {
  fc.assert(
    fc.property(arbRound, ({ shardRows, workers, steps }) => {
      const timesByUnit = Array.from({ length: workers }, () => new Map<string, number>());
      for (let round = 1; round <= shardRows.length; round++) {
        for (const [unit, { shards }] of plan({ shardRows, workers, steps, round }).entries()) {
          const times = timesByUnit[unit];
          for (const { cid } of shards) times?.set(cid, (times.get(cid) ?? 0) + 1);
        }
      }
      expect(new Set(timesByUnit.flatMap((times) => [...times.keys()])).size).toBe(shardRows.length);
      for (const times of timesByUnit) {
        const counts = [...times.values()];
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("a unit that uses its whole share has the same shards in every round", () => {
  const shardsOf = (round: number) =>
    plan({ shardRows: new Array(13).fill(100), workers: 3, round }).map(({ shards }) => shards);
  expect(shardsOf(1).map(({ length }) => length)).toEqual([4, 4, 5]);
  for (const round of [2, 3, 40]) expect(shardsOf(round)).toEqual(shardsOf(1));
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
