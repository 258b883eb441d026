/** Every method of the API v2; each is a JSON-RPC method and a path below /api/v2. */
import type { Method } from "../method.ts";
import { ACCOUNT_METHODS } from "./account-methods.ts";
import { BLOCK_METHODS } from "./block-methods.ts";
import { CONFIG_METHODS } from "./config-methods.ts";
import { SEND_METHODS } from "./send-methods.ts";
import { TRANSACTION_METHODS } from "./transaction-methods.ts";

export const METHODS_V2: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    ...ACCOUNT_METHODS,
    ...BLOCK_METHODS,
    ...TRANSACTION_METHODS,
    ...SEND_METHODS,
    ...CONFIG_METHODS,
  }),
);
