/** The stack of a get method, as toncenter's API v2 writes it. */
import type { Cell, TupleItem } from "@ton/core";
import { z } from "zod";
import { parseBoc } from "../boc.ts";

const STACK_ITEMS_MAX = 255;
const BOC_CHARS_MAX = 131_072;

const zBase64 = z.string().max(BOC_CHARS_MAX);
const zBytes = z.object({ bytes: zBase64 });

const zItem = z.union([
  z.tuple([z.literal("num"), z.string().regex(/^-?0x[0-9a-f]{1,65}$/i)]),
  z.tuple([z.enum(["cell", "slice"]), zBytes]),
  // Nothing is a list without elements; no contract of ours answers with one that has any.
  z.tuple([z.enum(["list", "tuple"]), z.object({ elements: z.array(z.unknown()).max(0) })]),
  z.tuple([z.literal("null"), z.unknown()]),
]);

export const zStack = z.array(zItem).max(STACK_ITEMS_MAX);

export function parseStack(stack: z.infer<typeof zStack>): TupleItem[] {
  return stack.map((item): TupleItem => {
    if (item[0] === "num") return { type: "int", value: integerOf(item[1]) };
    if (item[0] === "cell" || item[0] === "slice") return { type: item[0], cell: cellOf(item[1].bytes) };
    return { type: "null" };
  });
}

/** Numbers, cells and slices: what our contracts are asked. */
export function encodeStack(items: readonly TupleItem[]): readonly (readonly [string, string])[] {
  return items.map((item) => {
    if (item.type === "int") return ["num", hexOf(item.value)] as const;
    if (item.type === "cell") return ["tvm.Cell", base64Of(item.cell)] as const;
    if (item.type === "slice") return ["tvm.Slice", base64Of(item.cell)] as const;
    throw new TypeError(`a get method is not asked with a ${item.type} here`);
  });
}

function integerOf(hex: string): bigint {
  return hex.startsWith("-") ? -BigInt(hex.slice(1)) : BigInt(hex);
}

function hexOf(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function cellOf(base64: string): Cell {
  return parseBoc(Buffer.from(base64, "base64"));
}

function base64Of(cell: Cell): string {
  return cell.toBoc().toString("base64");
}
