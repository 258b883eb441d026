/** What every outbox must do; each implementation runs it. */
import {
  cidOfBytes,
  cidOfValue,
  type FinishedResult,
  isFault,
  keyPairOfSeed,
  type Lease,
  leaseIdOf,
  RECEIPT_DOMAIN,
  type RegistryRef,
  type RunUnit,
  signStatement,
  signValue,
} from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Outbox } from "../outbox.ts";

export interface OutboxPlace extends AsyncDisposable {
  /** Of what is stored there, as after a new start; `slotsKept` where a test wants few. */
  open(slotsKept?: number): Promise<Outbox>;
}

const KEY = keyPairOfSeed(new Uint8Array(32).fill(5));
const REGISTRY: RegistryRef = { address: `0:${"7".repeat(64)}`, network: -3 };
const EMPTY = cidOfBytes(new Uint8Array());
const FEW = 3;

export function leaseOf(number: number, issuedAtUnixMs = number): Lease {
  const unit: RunUnit = {
    ...{ kind: "Run", job: EMPTY, round: 1, index: number, name: "work", piece: 0, pieces: 1, module: EMPTY },
    ...{ arguments: [], input: null, seed: 0, steps: 1, deadlineMs: 1_000 },
    limits: { memoryBytes: 65_536, outputBytes: 1, secondsPerPiece: 1 },
  };
  const id = leaseIdOf(Uint8Array.from({ length: 26 }, (_, at) => Math.floor(number / 32 ** at) % 32));
  return { id, attempt: 1, provider: KEY.nodeId, unit, issuedAtUnixMs, ttlMs: 1_000, registry: REGISTRY };
}

/** @param answer  what came out: another one is another commitment */
export function resultOf({ id, unit, issuedAtUnixMs, registry }: Lease, answer = 0): FinishedResult {
  const body = {
    ...{
      lease: id,
      unit: cidOfValue(unit),
      issuedAtUnixMs,
      provider: KEY.nodeId,
      steps: 1,
      rows: 1,
      cpuMs: 1,
    },
    ...{ lossMean: 0.5, update: cidOfBytes(Uint8Array.of(answer)) },
    ...{ startedAtUnixMs: 1, endedAtUnixMs: 1_000 + issuedAtUnixMs },
  };
  const receipt = signValue(RECEIPT_DOMAIN, body, KEY);
  return { receipt, statement: registry && signStatement(KEY, registry, receipt) };
}

const numbers = fc.nat(9);
const steps = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant("put" as const), number: numbers, answer: fc.nat(2) }),
    fc.record({ what: fc.constant("remove" as const), number: numbers }),
    fc.record({ what: fc.constant("reopen" as const) }),
  ),
  { maxLength: 40 },
);

export function outboxCompliance(name: string, makePlace: () => Promise<OutboxPlace>): void {
  describe(`${name} is an outbox`, () => {
    test("what was put and not removed is there after every new start, and leaves in no other form", async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (drawn) => {
          await using place = await makePlace();
          let outbox = await place.open();
          const waiting = new Map<string, FinishedResult>();
          const signedBySlot = new Map<number, number>();
          for (const step of drawn) {
            if (step.what === "reopen") outbox = await place.open();
            else if (step.what === "remove") {
              const { id } = leaseOf(step.number);
              await outbox.remove(id);
              waiting.delete(id);
            } else {
              const { number, answer } = step;
              const result = resultOf(leaseOf(number), answer);
              const isOther = (signedBySlot.get(number) ?? answer) !== answer;
              expect(await codeOf(async () => outbox.put(result))).toBe(isOther ? "SLOT_SIGNED" : "done");
              if (!isOther) {
                signedBySlot.set(number, answer);
                waiting.set(result.receipt.body.lease, result);
              }
            }
            expect(new Set(outbox.leases())).toEqual(new Set(waiting.keys()));
          }
          outbox = await place.open();
          expect(new Set(outbox.waiting(100))).toEqual(new Set(waiting.values()));
          for (let number = 0; number < 10; number++) {
            const asked = async (): Promise<void> => outbox.assertUnsigned(leaseOf(number));
            expect(await codeOf(asked)).toBe(signedBySlot.has(number) ? "SLOT_SIGNED" : "done");
          }
        }),
        { numRuns: 25 },
      );
    });

    test("in no order of leases, new starts and forgetting are two commitments of one slot taken", async () => {
      const leases = fc.array(
        fc.record({ issued: fc.nat(12), answer: fc.nat(2), reopens: fc.boolean(), removes: fc.boolean() }),
        { minLength: 8, maxLength: 40 },
      );
      await fc.assert(
        fc.asyncProperty(leases, async (drawn) => {
          await using place = await makePlace();
          let outbox = await place.open(FEW);
          const signedBySlot = new Map<number, number>();
          for (const { issued, answer, reopens, removes } of drawn) {
            if (reopens) outbox = await place.open(FEW);
            const lease = leaseOf(issued);
            const code = await codeOf(async () => outbox.put(resultOf(lease, answer)));
            const before = signedBySlot.get(issued);
            if (before !== undefined && before !== answer) expect(code).toMatch(/^(SLOT_SIGNED|LEASE_OLD)$/);
            if (before === undefined && issued > Math.max(-1, ...signedBySlot.keys()))
              expect(code).toBe("done");
            if (code === "done") signedBySlot.set(issued, answer);
            if (removes) await outbox.remove(lease.id);
          }
        }),
        { numRuns: 40 },
      );
    });

    test("a lease from before what is remembered is refused, signed in or not; without a statement none is", async () => {
      await using place = await makePlace();
      const outbox = await place.open(FEW);
      for (const number of [2, 4, 6, 8]) await outbox.put(resultOf(leaseOf(number)));
      for (const number of [1, 2]) {
        expect(await codeOf(async () => outbox.put(resultOf(leaseOf(number))))).toBe("LEASE_OLD");
        expect(await codeOf(async () => outbox.assertUnsigned(leaseOf(number)))).toBe("LEASE_OLD");
      }
      expect(await codeOf(async () => outbox.put(resultOf(leaseOf(3))))).toBe("done");
      const unasked = { ...leaseOf(0), registry: null };
      for (const answer of [0, 1])
        expect(await codeOf(async () => outbox.put(resultOf(unasked, answer)))).toBe("done");
    });
  });
}

export async function codeOf(act: () => Promise<void>): Promise<string> {
  try {
    await act();
    return "done";
  } catch (error) {
    if (isFault(error)) return error.code;
    throw error;
  }
}
