import fc from "fast-check";
import { expect, test } from "vitest";
import { cidOfBytes, leaseIdOf, nodeIdOfPublicKey } from "./ids.ts";
import { keyPairOfSeed, type Signed, signValue } from "./keys.ts";
import { parseShape } from "./schema.ts";
import {
  assertStatementOf,
  assertStatementSigned,
  isEquivocation,
  type RegistryRef,
  type SignedStatement,
  signStatement,
  slotOf,
  zSignedStatement,
} from "./statement.ts";
import { RECEIPT_DOMAIN, type Receipt } from "./work.ts";

const KEY = keyPairOfSeed(new Uint8Array(32).fill(1));
const OTHER = keyPairOfSeed(new Uint8Array(32).fill(2));
const REGISTRY: RegistryRef = { address: `0:${"ab".repeat(32)}`, network: -3 };

function receiptOf(change: Partial<Receipt> = {}, key = KEY): Signed<Receipt> {
  const body: Receipt = {
    lease: leaseIdOf(new Uint8Array(26).fill(3)),
    unit: cidOfBytes(Uint8Array.of(1)),
    issuedAtUnixMs: 7,
    provider: key.nodeId,
    ...{ steps: 2, rows: 4, cpuMs: 1, lossMean: 0.5, startedAtUnixMs: 8, endedAtUnixMs: 9 },
    update: cidOfBytes(Uint8Array.of(2)),
    ...change,
  };
  return signValue(RECEIPT_DOMAIN, body, key);
}

function refusal(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return "accepted";
}

test("a statement is its receipt's, under the registry that was asked for", () => {
  const receipt = receiptOf();
  const statement = signStatement(KEY, REGISTRY, receipt);
  assertStatementOf(statement, receipt, REGISTRY);
  const cases: readonly [SignedStatement, Signed<Receipt>, RegistryRef | null, string][] = [
    [statement, receiptOf({}, OTHER), REGISTRY, "signer"],
    [statement, receiptOf({ cpuMs: 2 }), REGISTRY, "receipt"],
    [statement, receipt, { ...REGISTRY, network: -239 }, "registry"],
    [statement, receipt, { ...REGISTRY, address: `0:${"cd".repeat(32)}` }, "registry"],
    [statement, receipt, null, "registry"],
    [{ ...statement, slot: new Uint8Array(32) }, receipt, REGISTRY, "slot"],
    [{ ...statement, commitment: new Uint8Array(32) }, receipt, REGISTRY, "commitment"],
  ];
  for (const [altered, of, registry, what] of cases)
    expect(refusal(() => assertStatementOf(altered, of, registry))).toMatchObject({
      code: "STATEMENT_MISMATCH",
      fault: { what },
    });
});

test("nothing of what is signed can be altered, and nobody signs for a key that proves nothing", () => {
  const statement = signStatement(KEY, REGISTRY, receiptOf());
  const part = fc.constantFrom("slot" as const, "commitment" as const, "signature" as const);
  fc.assert(
    fc.property(part, fc.nat(1_000), (name, at) => {
      const bytes = statement[name].slice();
      const place = at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (at % 8));
      expect(refusal(() => assertStatementSigned({ ...statement, [name]: bytes }))).toMatchObject({
        code: "SIGNATURE_INVALID",
      });
    }),
  );
  for (const altered of [
    { ...statement, signer: OTHER.nodeId },
    { ...statement, registry: { ...REGISTRY, network: -239 as const } },
    { ...statement, registry: { ...REGISTRY, address: `0:${"00".repeat(32)}` } },
    { ...statement, signature: new Uint8Array(63) },
  ])
    expect(refusal(() => assertStatementSigned(altered))).toMatchObject({ code: "SIGNATURE_INVALID" });
  for (const weak of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))])
    expect(
      refusal(() => assertStatementSigned({ ...statement, signer: nodeIdOfPublicKey(weak) })),
    ).toMatchObject({ code: "KEY_WEAK" });
});

test("two answers in one slot convict; anything else does not", () => {
  const of = (change: Partial<Receipt>, key = KEY, registry = REGISTRY): SignedStatement =>
    signStatement(key, registry, receiptOf(change, key));
  const one = of({});
  expect(isEquivocation(one, of({ update: cidOfBytes(Uint8Array.of(3)) }))).toBe(true);
  expect(isEquivocation(one, of({ steps: 1 }))).toBe(true);
  // Another account of the same answer is none.
  expect(isEquivocation(one, of({ cpuMs: 5, endedAtUnixMs: 10 }))).toBe(false);
  expect(isEquivocation(one, of({ issuedAtUnixMs: 8, steps: 1 }))).toBe(false);
  expect(isEquivocation(one, of({ steps: 1 }, OTHER))).toBe(false);
  expect(isEquivocation(one, of({ steps: 1 }, KEY, { ...REGISTRY, network: -239 }))).toBe(false);
});

test("each lease, unit and time of issue is a slot of its own", () => {
  const { lease, unit, issuedAtUnixMs } = receiptOf().body;
  const changed = [
    { lease, unit, issuedAtUnixMs },
    { lease: leaseIdOf(new Uint8Array(26)), unit, issuedAtUnixMs },
    { lease, unit: cidOfBytes(Uint8Array.of(9)), issuedAtUnixMs },
    { lease, unit, issuedAtUnixMs: issuedAtUnixMs + 1 },
  ];
  expect(new Set(changed.map((asked) => String(slotOf(asked)))).size).toBe(changed.length);
});

test("what is no statement is refused by its shape", () => {
  const statement = signStatement(KEY, REGISTRY, receiptOf());
  expect(parseShape(zSignedStatement, statement, "a statement")).toEqual(statement);
  for (const altered of [
    { ...statement, slot: new Uint8Array(31) },
    { ...statement, commitment: "text" },
    { ...statement, registry: { ...REGISTRY, address: `0:${"AB".repeat(32)}` } },
    { ...statement, registry: { ...REGISTRY, address: `-1:${"ab".repeat(32)}` } },
    { ...statement, registry: { ...REGISTRY, network: 7 } },
    { ...statement, more: 1 },
    { ...statement, signer: "12D3" },
  ])
    expect(refusal(() => parseShape(zSignedStatement, altered, "a statement"))).toMatchObject({
      code: "SHAPE_INVALID",
    });
});
