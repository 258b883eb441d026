/** A method of the API: its parameters as a schema, and what it answers. */
import { parseShape } from "@pingo/core";
import type { z } from "zod";
import type { Chain } from "../chain/chain.ts";
import type { Json } from "./v2/shapes.ts";

export type Method = (chain: Chain, parameters: unknown) => Promise<Json>;

/** Parameters that the schema does not name are passed over, as toncenter does. */
export function method<T>(
  schema: z.ZodType<T>,
  run: (chain: Chain, parameters: T) => Json | Promise<Json>,
): Method {
  return async (chain, parameters) => run(chain, parseShape(schema, parameters, "the parameters"));
}
