/** Sending, asking and estimating of the API v3. */
import { BOC_LIMITS, parseBoc } from "@pingo/ton";
import type { TupleItem } from "@ton/core";
import { z } from "zod";
import { estimateFees, type Fees } from "../../chain/estimate-fees.ts";
import { normalizedHash } from "../../chain/normalized-hash.ts";
import { zAddress, zBase64, zFlag } from "../schema.ts";
import { messageOf, zMethodName } from "../v2/send-methods.ts";
import type { Json } from "../v2/shapes.ts";
import { hexOf, STACK_ITEMS_MAX, zNumberText } from "../v2/stack.ts";
import { type MethodV3, methodV3 } from "./method.ts";

const zBoc = zBase64(BOC_LIMITS.bytesMax);
const NESTED_MAX = 16;

const zStackItem: z.ZodType<TupleItem> = z
  .union([
    z.object({
      type: z.literal("num"),
      value: zNumberText,
    }),
    z.object({ type: z.enum(["cell", "slice"]), value: zBoc }),
    z.object({ type: z.literal("null") }),
  ])
  .transform((written): TupleItem => {
    if (written.type === "null") return { type: "null" };
    if (written.type !== "num") return { type: written.type, cell: parseBoc(written.value) };
    const { value } = written;
    return { type: "int", value: value.startsWith("-") ? -BigInt(value.slice(1)) : BigInt(value) };
  });

export const SEND_METHODS_V3: Readonly<Record<string, MethodV3>> = {
  "POST message": methodV3(z.object({ boc: zBoc }), async ({ chain }, { boc }) => {
    const { hash, cell } = await chain.accept(boc);
    return {
      message_hash: hash.toString("base64"),
      message_hash_norm: normalizedHash(cell).toString("base64"),
    };
  }),
  "POST runGetMethod": methodV3(
    z.object({
      address: zAddress,
      method: zMethodName,
      stack: z.array(zStackItem).max(STACK_ITEMS_MAX).default([]),
    }),
    async ({ chain }, { address, method, stack }) => {
      const { gasUsed, exitCode, stack: result } = await chain.get(address, method, stack);
      return { gas_used: gasUsed, exit_code: exitCode, stack: result.map((item) => entryOf(item, 0)) };
    },
  ),
  "POST estimateFee": methodV3(
    z.object({
      address: zAddress,
      body: zBoc,
      init_code: zBoc.optional(),
      init_data: zBoc.optional(),
      ignore_chksig: zFlag.default(true),
    }),
    async ({ chain }, query) => {
      const cell = await chain.rehearse(query.address, messageOf(query), query.ignore_chksig);
      return { source_fees: feesOf(estimateFees(cell)), destination_fees: [] };
    },
  ),
};

function feesOf({ inForward, storage, gas, forward }: Fees): Json {
  return {
    in_fwd_fee: Number(inForward),
    storage_fee: Number(storage),
    gas_fee: Number(gas),
    fwd_fee: Number(forward),
  };
}

function entryOf(item: TupleItem, depth: number): Json {
  if (depth > NESTED_MAX) return { type: "null", value: null };
  switch (item.type) {
    case "int":
      return { type: "num", value: hexOf(item.value) };
    case "nan":
      return { type: "num", value: "NaN" };
    case "null":
      return { type: "list", value: [] };
    case "tuple":
      return { type: "tuple", value: item.items.map((inner) => entryOf(inner, depth + 1)) };
    default:
      return { type: item.type, value: item.cell.toBoc().toString("base64") };
  }
}
