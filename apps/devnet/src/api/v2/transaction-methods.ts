import { z } from "zod";
import type { Chain } from "../../chain/chain.ts";
import { DevnetError } from "../../fault.ts";
import { transactionByMessage, transactionsOf } from "../../store/queries.ts";
import { type Method, method } from "../method.ts";
import { zAddress, zHash, zInt64, zWhole } from "../schema.ts";
import { transaction } from "./shapes.ts";

const LIMIT = 10;
/** As toncenter. */
const LIMIT_MAX = 1_000;

const zTransactions = z.object({
  address: zAddress,
  limit: zWhole(1, LIMIT_MAX).default(LIMIT),
  lt: zInt64.optional(),
  hash: zHash.optional(),
  to_lt: zInt64.default(0n),
});
const zWay = z.object({ source: zAddress, destination: zAddress, created_lt: zInt64 });

const getTransactions = method(zTransactions, (chain, { address, limit, lt, hash, to_lt }) => {
  const account = address.toRawString();
  const rows = transactionsOf(chain.store, account, { fromLt: lt, toLt: to_lt, limit });
  // A page begins at the transaction that is named; another one there means that the name is wrong.
  if (lt !== undefined && hash !== undefined && (rows[0]?.lt !== lt || !rows[0].hash.equals(hash)))
    throw new DevnetError({ code: "TRANSACTION_UNKNOWN", what: `with lt ${lt} of ${address}` });
  return rows.map(transaction);
});

export const TRANSACTION_METHODS: Readonly<Record<string, Method>> = {
  getTransactions,
  tryLocateTx: method(zWay, (chain, way) => locate(chain, "in", way)),
  tryLocateResultTx: method(zWay, (chain, way) => locate(chain, "in", way)),
  tryLocateSourceTx: method(zWay, (chain, way) => locate(chain, "out", way)),
};

function locate(
  chain: Chain,
  direction: "in" | "out",
  { source, destination, created_lt }: z.output<typeof zWay>,
) {
  const way = { source: source.toRawString(), destination: destination.toRawString(), createdLt: created_lt };
  const row = transactionByMessage(chain.store, direction, way);
  if (row === undefined)
    throw new DevnetError({
      code: "TRANSACTION_UNKNOWN",
      what: `of a message from ${source} to ${destination} at lt ${created_lt}`,
    });
  return transaction(row);
}
