import { Address, beginCell, Cell, Dictionary } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ClaimTree, type Given } from "./claim-tree.ts";

const arbGiven: fc.Arbitrary<Given[]> = fc.uniqueArray(
  fc.record({
    // Keys that share long beginnings make labels of every form.
    owner: fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 2, maxLength: 2 }).map((tail) => {
        const owner = new Uint8Array(32);
        owner.set(tail, 30);
        return owner;
      }),
      fc.nat({ max: 255 }).map((bit) => {
        const owner = new Uint8Array(32).fill(0xff);
        owner[bit >> 3] = 0xff ^ (0x80 >> (bit & 7));
        return owner;
      }),
    ),
    cumulativeNano: fc.oneof(fc.constant(0n), fc.bigInt(0n, 10n ** 18n), fc.bigInt(0n, 300n)),
  }),
  { minLength: 1, maxLength: 40, selector: ({ owner }) => Buffer.from(owner).toString("hex") },
);

function dictionaryOf(given: readonly Given[]): Cell {
  const amounts = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.BigVarUint(4));
  for (const { owner, cumulativeNano } of given) amounts.set(Buffer.from(owner), cumulativeNano);
  return beginCell().storeDictDirect(amounts).endCell();
}

test("its root is that of TVM's own dictionary", () => {
  fc.assert(
    fc.property(arbGiven, (given) => {
      const tree = new ClaimTree(given);
      expect(tree.root).toBe(BigInt(`0x${dictionaryOf(given).hash().toString("hex")}`));
      expect(tree.totalNano).toBe(given.reduce((sum, { cumulativeNano }) => sum + cumulativeNano, 0n));
    }),
    { numRuns: 200 },
  );
});

test("a proof has the root, the owner's amount, and one way through the tree", () => {
  fc.assert(
    fc.property(arbGiven, fc.nat(), (given, choice) => {
      const tree = new ClaimTree(given);
      const chosen = given[choice % given.length];
      if (!chosen) throw new Error("somebody is given something");
      const proof = Cell.fromBoc(tree.proofOf(chosen.owner).toBoc())[0];
      const inside = proof?.refs[0];
      if (!inside) throw new Error("a proof holds the tree");
      expect(BigInt(`0x${inside.hash(0).toString("hex")}`)).toBe(tree.root);
      expect(tree.amountOf(chosen.owner)).toBe(chosen.cumulativeNano);
      const read = Dictionary.loadDirect(
        Dictionary.Keys.Buffer(32),
        Dictionary.Values.BigVarUint(4),
        inside.asSlice(),
      );
      expect([...read].map(([owner, amount]) => [owner.toString("hex"), amount])).toEqual([
        [Buffer.from(chosen.owner).toString("hex"), chosen.cumulativeNano],
      ]);
    }),
    { numRuns: 100 },
  );
});

test("who is not in the tree is given nothing", () => {
  const tree = new ClaimTree([{ owner: new Uint8Array(32).fill(1), cumulativeNano: 5n }]);
  expect(tree.amountOf(new Uint8Array(32).fill(2))).toBe(0n);
  expect(tree.proofOf(new Uint8Array(32).fill(2)).refs[0]?.hash(0)).toEqual(
    tree.proofOf(new Uint8Array(32).fill(1)).refs[0]?.hash(0),
  );
});

test("input that makes no tree is refused with a sentence", () => {
  const owner = Address.parseRaw(`0:${"ab".repeat(32)}`).hash;
  for (const [given, sentence] of [
    [[], /nobody is given anything/],
    [[{ owner: owner.subarray(1), cumulativeNano: 1n }], /an owner has 31 bytes/],
    [[1n, 2n].map((cumulativeNano) => ({ owner, cumulativeNano })), /stands there twice/],
    [[{ owner, cumulativeNano: -1n }], /is given -1 nano-PINGO/],
    [[{ owner, cumulativeNano: 2n ** 63n }], /within the supply/],
  ] as const) {
    expect(() => new ClaimTree(given)).toThrow(sentence);
  }
});
