/** Who got what for a job, a line each. */
import { formatPingo, type JobPayments, shortId } from "@pingo/core";
import { nameOf, type OwnKey } from "../local/own-ids.ts";

/** Nothing for a job without a budget. */
export function paymentLines({ payments }: JobPayments, keys: readonly OwnKey[]): readonly string[] {
  return payments.flatMap(({ account, amountNano }) => {
    const [role = "", id = ""] = account.split("/");
    const nano = BigInt(amountNano);
    const who = nameOf(id, keys) ?? shortId(id);
    if (role === "provider" && nano > 0n) return [`paid ${formatPingo(nano)} to ${who}`];
    if (role === "fog" && nano > 0n) return [`fee ${formatPingo(nano)} to the fog node`];
    if (role === "owner" && nano < 0n) return [`cost ${formatPingo(-nano)}, from ${who}`];
    return [];
  });
}
