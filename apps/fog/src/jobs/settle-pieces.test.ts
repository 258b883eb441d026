import { type Cid, cidOfValue, type RunUnit } from "@pingo/core";
import { silentLog } from "@pingo/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FogError } from "../fault.ts";
import { type PieceResult, settlePieces } from "./settle-pieces.ts";

const TRUTH = cidOfValue("what comes out");
const LIES = [cidOfValue("a lie"), cidOfValue("another lie")];
const JOB = cidOfValue("a job of pieces");

/** What each replica of a piece came to, where it came; and how many tries at it fail here before one does not. */
const piece = (replicas: number) =>
  fc.record({
    came: fc.array(fc.constantFrom(TRUTH, ...LIES), { maxLength: replicas }),
    fails: fc.constantFrom(0, 1, 2),
  });
const world = fc
  .constantFrom(1, 2)
  .chain((replicas) =>
    fc.record({ replicas: fc.constant(replicas), pieces: fc.array(piece(replicas), { maxLength: 6 }) }),
  );

function unitOf(index: number, replica: number, replicas: number): RunUnit {
  return {
    ...{ kind: "Run", job: JOB, round: 1, index: index * replicas + replica, name: "words", piece: index },
    ...{ pieces: 6, module: JOB, arguments: [], input: null, seed: 1, steps: 1, deadlineMs: 1_000 },
    limits: { memoryBytes: 65_536, outputBytes: 0, secondsPerPiece: 1 },
  };
}

test("who is not refuted delivered what counts, and who is honest is never refuted", async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ replicas, pieces }) => {
      const came = pieces.flatMap((one, index): PieceResult[] =>
        one.came.map((update, replica) => ({ unit: unitOf(index, replica, replicas), update })),
      );
      const tries = new Map<number, number>();
      const modeller = {
        async redo({ unit, update }: { unit: { index: number }; update: Cid }) {
          const index = Math.floor(unit.index / replicas);
          const before = tries.get(index) ?? 0;
          tries.set(index, before + 1);
          if (before < (pieces[index]?.fails ?? 0)) throw new FogError({ code: "NOT_REDONE", work: update });
          return { deviation: update === TRUTH ? 0 : 1, tolerance: 0, update: TRUTH };
        },
      };
      const { signal } = new AbortController();
      const options = { pieces: pieces.length, replicas, modeller, log: silentLog, signal };
      const settled = await settlePieces(came, options);
      expect(settled.map((one) => one.piece)).toEqual(pieces.map((_, index) => index));
      for (const [index, { came }] of pieces.entries()) {
        const { result, redone, refuted } = settled[index] ?? expect.fail("each piece is settled");
        const distinct = new Set(came);
        const isAgreed = came.length === replicas && distinct.size === 1;
        const isKnown = redone !== null || isAgreed;
        expect(refuted.has(TRUTH)).toBe(false);
        // Paid: what came and is not refuted. Of a piece that could not be done again nothing is known.
        if (isKnown) for (const update of came) expect(refuted.has(update)).toBe(update !== result);
        else expect(refuted.size).toBe(0);
        expect(result === null || distinct.has(result)).toBe(true);
        if (distinct.has(TRUTH) && isKnown && !(isAgreed && came[0] !== TRUTH)) expect(result).toBe(TRUTH);
        if (isAgreed) expect(tries.has(index)).toBe(false);
      }
    }),
  );
});

test("a lone lie and two different ones are refuted by what comes out here, and the piece has no result", async () => {
  const modeller = { redo: async () => ({ deviation: 1, tolerance: 0, update: TRUTH }) };
  const { signal } = new AbortController();
  const settle = (updates: readonly Cid[]) =>
    settlePieces(
      updates.map((update, replica) => ({ unit: unitOf(0, replica, 2), update })),
      { pieces: 1, replicas: 2, modeller, log: silentLog, signal },
    );
  for (const lies of [LIES.slice(0, 1), LIES])
    expect(await settle(lies)).toEqual([{ piece: 0, result: null, redone: TRUTH, refuted: new Set(lies) }]);
});
