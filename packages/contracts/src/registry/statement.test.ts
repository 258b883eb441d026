import { hashOfStatement } from "@pingo/core";
import { Address } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeStatement } from "./statement.ts";

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("what providers sign without a library of TON is the hash of the cell that the stake makes", () => {
  fc.assert(
    fc.property(
      hashes,
      hashes,
      hashes,
      fc.constantFrom(-239 as const, -3 as const),
      (account, slot, commitment, network) => {
        const address = new Address(0, Buffer.from(account));
        const cell = encodeStatement({ registry: address, globalId: network, slot, commitment });
        const registry = { address: address.toRawString(), network };
        expect(Buffer.from(hashOfStatement({ registry, slot, commitment }))).toEqual(cell.hash());
      },
    ),
  );
});
