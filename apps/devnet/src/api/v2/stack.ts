/** Stacks of get methods as v2 writes and reads them. SOURCE: toncenter.com/api/v2, TonLib's tvm types. */
import { parseBoc } from "@pingo/ton";
import type { TupleItem } from "@ton/core";
import { z } from "zod";
import type { Json } from "./shapes.ts";

export const STACK_ITEMS_MAX = 256;
const NESTED_MAX = 16;
const NUMBER = /^-?(0x[0-9a-fA-F]{1,64}|\d{1,78})$/;

/** What a get method's stack holds. */
export const zNumberText = z
  .string()
  .regex(NUMBER, "expected a number")
  .refine((text) => isInt257(text), "expected a number of 257 bits");

const zNumber = z.tuple([z.enum(["num", "int"]), z.union([z.int(), zNumberText])]);
const zCell = z.tuple([
  z.enum(["tvm.Cell", "cell", "tvm.Slice", "slice", "tvm.Builder", "builder"]),
  z.union([z.string(), z.object({ bytes: z.string() })]),
]);
const zNull = z.tuple([z.literal("null"), z.unknown()]).transform(() => ["null"] as const);

/** What a client hands to a get method. */
export const zStack: z.ZodType<readonly TupleItem[]> = z
  .array(z.union([zNumber, zCell, zNull]))
  .max(STACK_ITEMS_MAX)
  .transform((items) => items.map(itemOf));

type Written = z.output<typeof zNumber> | z.output<typeof zCell> | z.output<typeof zNull>;

function itemOf(written: Written): TupleItem {
  const [kind, value] = written;
  switch (kind) {
    case "null":
      return { type: "null" };
    case "num":
    case "int":
      return { type: "int", value: bigintOf(String(value)) };
    default: {
      const base64 = typeof value === "string" ? value : value.bytes;
      const cell = parseBoc(Buffer.from(base64, "base64"));
      if (kind === "tvm.Cell" || kind === "cell") return { type: "cell", cell };
      return kind === "tvm.Slice" || kind === "slice" ? { type: "slice", cell } : { type: "builder", cell };
    }
  }
}

function bigintOf(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

export function stackOf(items: readonly TupleItem[]): Json {
  return items.map((item): Json => {
    switch (item.type) {
      case "int":
        return ["num", hexOf(item.value)];
      case "nan":
        return ["num", "NaN"];
      case "null":
        return ["list", { "@type": "tvm.list", elements: [] }];
      case "tuple":
        return ["tuple", { "@type": "tvm.tuple", elements: item.items.map((inner) => entryOf(inner, 1)) }];
      case "builder":
        return ["builder", { bytes: item.cell.toBoc().toString("base64") }];
      default:
        // A slice comes as the cell of its rest, as toncenter has it.
        return ["cell", { bytes: item.cell.toBoc().toString("base64") }];
    }
  });
}

function entryOf(item: TupleItem, depth: number): Json {
  if (depth > NESTED_MAX) return { "@type": "tvm.list", elements: [] };
  switch (item.type) {
    case "int":
      return {
        "@type": "tvm.stackEntryNumber",
        number: { "@type": "tvm.numberDecimal", number: item.value.toString() },
      };
    case "nan":
      return { "@type": "tvm.stackEntryNumber", number: { "@type": "tvm.numberDecimal", number: "NaN" } };
    case "null":
      return { "@type": "tvm.stackEntryList", list: { "@type": "tvm.list", elements: [] } };
    case "tuple":
      return {
        "@type": "tvm.stackEntryTuple",
        tuple: { "@type": "tvm.tuple", elements: item.items.map((inner) => entryOf(inner, depth + 1)) },
      };
    case "slice":
      return {
        "@type": "tvm.stackEntrySlice",
        slice: { "@type": "tvm.slice", bytes: item.cell.toBoc().toString("base64") },
      };
    default:
      return {
        "@type": "tvm.stackEntryCell",
        cell: { "@type": "tvm.cell", bytes: item.cell.toBoc().toString("base64") },
      };
  }
}

export function hexOf(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** With its sign. */
function isInt257(text: string): boolean {
  // Written longer than any number is: refused before this, and all the same.
  if (!NUMBER.test(text)) return false;
  return BigInt.asIntN(257, bigintOf(text)) === bigintOf(text);
}
