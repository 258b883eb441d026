/** A path of the API v3: its parameters as a schema, and what it answers. */
import { parseShape } from "@pingo/core";
import { z } from "zod";
import type { Chain } from "../../chain/chain.ts";
import type { TokenIndex } from "../../tokens/token-index.ts";
import { zWhole } from "../schema.ts";
import { friendly, type Json } from "../v2/shapes.ts";

export interface Indexed {
  readonly chain: Chain;
  readonly tokens: TokenIndex;
}

export type MethodV3 = (indexed: Indexed, parameters: unknown) => Promise<Json>;

export function methodV3<T>(
  schema: z.ZodType<T>,
  run: (indexed: Indexed, parameters: T) => Json | Promise<Json>,
): MethodV3 {
  return async (indexed, parameters) => run(indexed, parseShape(schema, parameters, "the parameters"));
}

/** As toncenter. */
const LIMIT = 10;
const LIMIT_MAX = 1_000;
const LIST_MAX = 256;

export const zPage = z.object({
  limit: zWhole(1, LIMIT_MAX).default(LIMIT),
  offset: zWhole(0, 2 ** 31 - 1).default(0),
  sort: z.enum(["asc", "desc"]).default("desc"),
});

/** A parameter that may be repeated, or hold several with commas between. */
export function zList<T>(one: z.ZodType<T>): z.ZodType<readonly T[]> {
  return z
    .union([z.string(), z.array(z.string())])
    .transform((written): unknown =>
      (typeof written === "string" ? [written] : written).flatMap((text) => text.split(",")),
    )
    .pipe(z.array(one).max(LIST_MAX));
}

/** v3 writes addresses raw, in capitals. */
export function rawUpper(raw: string): string {
  return raw.toUpperCase();
}

export function addressBook(raws: Iterable<string | null>): Json {
  const book: Record<string, Json> = {};
  for (const raw of raws) {
    if (raw !== null) book[rawUpper(raw)] = { user_friendly: friendly(raw), domain: null, interfaces: null };
  }
  return book;
}
