/** Waits until what a home's providers earned with a job is in its wallet on chain. */
import type { JobPayments } from "@pingo/core";
import type { Context } from "../context.ts";
import type { LocalChain } from "./local-chain.ts";
import { nameOf, type OwnKey } from "./own-ids.ts";
import { purseNano } from "./purse.ts";

const LOOK_EVERY_MS = 300;
const LOOKS_MAX = 400;
/** A fog node leaves a provider's thousandth of a PINGO until there is more. */
const LEFT_NANO_MAX = 1_000_000n;

/**
 * @param heldNano  what the wallet had before it paid for the job
 * @returns what it has then
 */
export async function untilPaidOut(
  context: Context,
  chain: LocalChain,
  { heldNano, payments, keys }: { readonly heldNano: bigint; readonly keys: readonly OwnKey[] } & JobPayments,
): Promise<bigint> {
  const { signal, ports } = context;
  const own = payments.filter(({ account }) => {
    const [role, id = ""] = account.split("/");
    return (role === "provider" || role === "owner") && nameOf(id, keys) !== undefined;
  });
  const dueNano = own.reduce((sum, { amountNano }) => sum + BigInt(amountNano), heldNano);
  const enoughNano = dueNano - LEFT_NANO_MAX * BigInt(own.length);
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const nano = await purseNano(context, chain);
    if (nano >= enoughNano) return nano;
    await ports.clock.sleep(LOOK_EVERY_MS, { signal });
  }
  const { ToncenterError } = await import("@pingo/ton");
  const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "what your computers earned", seconds });
}
