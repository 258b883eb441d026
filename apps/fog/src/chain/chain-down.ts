/** Whether the chain itself does not answer, or only about one thing that was asked. */
import type { FaultError } from "@pingo/core";

const DOWN: readonly string[] = ["CHAIN_UNREACHABLE", "CHAIN_KEY_REFUSED"];

export function isChainDown({ code }: Pick<FaultError<{ readonly code: string }>, "code">): boolean {
  return DOWN.includes(code);
}
