import { BOC_LIMITS, parseBoc } from "@pingo/ton";
import { beginCell, Cell, external, storeMessage } from "@ton/core";
import { z } from "zod";
import { estimateFees, type Fees } from "../../chain/estimate-fees.ts";
import { normalizedHash } from "../../chain/normalized-hash.ts";
import { type Method, method } from "../method.ts";
import { zAddress, zBase64, zFlag } from "../schema.ts";
import { blockIdExt, type Json, MASTERCHAIN, transactionId } from "./shapes.ts";
import { stackOf, zStack } from "./stack.ts";

const zBoc = zBase64(BOC_LIMITS.bytesMax);
const METHOD_CHARS_MAX = 128;
const METHOD_ID_MAX = 2 ** 31 - 1;

const zQuery = z.object({
  address: zAddress,
  body: zBoc,
  init_code: zBoc.optional(),
  init_data: zBoc.optional(),
});

export const zMethodName: z.ZodType<string | number> = z.union([
  z.int().min(0).max(METHOD_ID_MAX),
  z
    .string()
    .min(1)
    .max(METHOD_CHARS_MAX)
    .transform((text) => (/^\d{1,9}$/.test(text) ? Number(text) : text)),
]);

export const SEND_METHODS: Readonly<Record<string, Method>> = {
  sendBoc: method(z.object({ boc: zBoc }), async (chain, { boc }) => {
    await chain.accept(boc);
    return { "@type": "ok" };
  }),
  sendBocReturnHash: method(z.object({ boc: zBoc }), async (chain, { boc }) => {
    const { hash, cell } = await chain.accept(boc);
    return {
      "@type": "raw.extMessageInfo",
      hash: hash.toString("base64"),
      hash_norm: normalizedHash(cell).toString("base64"),
    };
  }),
  sendQuery: method(zQuery, async (chain, query) => {
    await chain.accept(messageOf(query).toBoc());
    return { "@type": "ok" };
  }),
  estimateFee: method(zQuery.extend({ ignore_chksig: zFlag.default(true) }), async (chain, query) => {
    const cell = await chain.rehearse(query.address, messageOf(query), query.ignore_chksig);
    return { "@type": "query.fees", source_fees: feesOf(estimateFees(cell)), destination_fees: [] };
  }),
  runGetMethod: method(
    z.object({ address: zAddress, method: zMethodName, stack: zStack.default([]) }),
    async (chain, { address, method: name, stack }) => {
      const { gasUsed, exitCode, stack: result } = await chain.get(address, name, [...stack]);
      const account = chain.account(address);
      return {
        "@type": "smc.runResult",
        gas_used: gasUsed,
        stack: stackOf(result),
        exit_code: exitCode,
        block_id: blockIdExt(chain.head, MASTERCHAIN),
        last_transaction_id: transactionId(account.lastLt, account.lastHash),
      };
    },
  ),
};

/** An external message out of its parts. */
export function messageOf({ address, body, init_code, init_data }: z.output<typeof zQuery>): Cell {
  const init =
    init_code?.byteLength || init_data?.byteLength
      ? {
          code: init_code?.byteLength ? parseBoc(init_code) : Cell.EMPTY,
          data: init_data?.byteLength ? parseBoc(init_data) : Cell.EMPTY,
        }
      : null;
  return beginCell()
    .store(storeMessage(external({ to: address, init, body: parseBoc(body) })))
    .endCell();
}

export function feesOf({ inForward, storage, gas, forward }: Fees): Json {
  return {
    "@type": "fees",
    in_fwd_fee: Number(inForward),
    storage_fee: Number(storage),
    gas_fee: Number(gas),
    fwd_fee: Number(forward),
  };
}
