import { createHash } from "node:crypto";
import { beginCell, Cell, Dictionary } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseContent } from "./content.ts";

const arbText = fc.string({ unit: "grapheme", maxLength: 400 });
const keyOf = (name: string): Buffer => createHash("sha256").update(name).digest();

test("metadata on the chain is read back, however long, known keys by name and others by hash", () => {
  fc.assert(
    fc.property(arbText, arbText, arbText, (name, description, other) => {
      const values = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
      const snake = (text: string): Cell => beginCell().storeUint(0, 8).storeStringTail(text).endCell();
      values.set(keyOf("name"), snake(name));
      values.set(keyOf("description"), snake(description));
      values.set(keyOf("colour"), snake(other));
      const cell = beginCell().storeUint(0, 8).storeDict(values).endCell();
      expect(parseContent(cell)).toEqual({ name, description, [keyOf("colour").toString("hex")]: other });
    }),
  );
});

test("a value in chunks is put together; a link is a link", () => {
  const chunks = Dictionary.empty(Dictionary.Keys.Uint(32), Dictionary.Values.Cell());
  ["Pin", "Go"].forEach((text, i) => {
    chunks.set(i, beginCell().storeStringTail(text).endCell());
  });
  const values = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  values.set(keyOf("symbol"), beginCell().storeUint(1, 8).storeDict(chunks).endCell());
  expect(parseContent(beginCell().storeUint(0, 8).storeDict(values).endCell())).toEqual({ symbol: "PinGo" });
  const link = beginCell().storeUint(1, 8).storeStringTail("https://pingo.example/token.json").endCell();
  expect(parseContent(link)).toEqual({ uri: "https://pingo.example/token.json" });
});

test("a cell of any other layout is no metadata, and no error", () => {
  expect(parseContent(Cell.EMPTY)).toEqual({});
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      expect(typeof parseContent(beginCell().storeBuffer(Buffer.from(bytes)).endCell())).toBe("object");
    }),
  );
});
