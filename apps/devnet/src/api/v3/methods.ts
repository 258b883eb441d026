/** Every path of the API v3, each below /api/v3. */
import { ACCOUNT_METHODS_V3 } from "./account-methods.ts";
import { CHAIN_METHODS_V3 } from "./chain-methods.ts";
import type { MethodV3 } from "./method.ts";
import { SEND_METHODS_V3 } from "./send-methods.ts";
import { TOKEN_METHODS_V3 } from "./token-methods.ts";

/** By HTTP method and path. */
export const METHODS_V3: ReadonlyMap<string, MethodV3> = new Map(
  Object.entries({ ...ACCOUNT_METHODS_V3, ...CHAIN_METHODS_V3, ...TOKEN_METHODS_V3, ...SEND_METHODS_V3 }),
);
