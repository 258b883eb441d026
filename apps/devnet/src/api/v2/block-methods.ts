import { Address } from "@ton/core";
import { z } from "zod";
import type { Chain } from "../../chain/chain.ts";
import { NETWORK_ID } from "../../chain/network-id.ts";
import { DevnetError } from "../../fault.ts";
import {
  type BlockRow,
  blockByLt,
  blockBySeqno,
  blockByTime,
  transactionsOfBlock,
} from "../../store/queries.ts";
import { type Method, method } from "../method.ts";
import { zHash, zInt64, zWhole } from "../schema.ts";
import { BASECHAIN, blockIdExt, MASTERCHAIN, transaction, WHOLE_SHARD } from "./shapes.ts";

const SEQNO_MAX = 2 ** 31 - 1;
const UNIX_S_MAX = 2 ** 32 - 1;
/** As toncenter, and at most what one answer may hold. */
const COUNT = 40;
const COUNT_MAX = 1_024;

const zWorkchain = zWhole(MASTERCHAIN, BASECHAIN);
const zSeqno = zWhole(0, SEQNO_MAX);
const zBlock = z.object({ workchain: zWorkchain, shard: zInt64, seqno: zSeqno });
const zBlockPage = zBlock.extend({
  count: zWhole(1, COUNT_MAX).default(COUNT),
  after_lt: zInt64.optional(),
  after_hash: zHash.optional(),
});

export const BLOCK_METHODS: Readonly<Record<string, Method>> = {
  getMasterchainInfo: method(z.object({}), (chain) => ({
    "@type": "blocks.masterchainInfo",
    last: blockIdExt(chain.head, MASTERCHAIN),
    state_root_hash: chain.head.masterRoot.toString("base64"),
    init: blockIdExt(blockAt(chain, 0), MASTERCHAIN),
  })),
  getConsensusBlock: method(z.object({}), (chain) => ({
    consensus_block: chain.head.seqno,
    timestamp: chain.head.unixS,
  })),
  shards: method(z.object({ seqno: zSeqno }), (chain, { seqno }) => ({
    "@type": "blocks.shards",
    shards: [blockIdExt(blockAt(chain, seqno), BASECHAIN)],
  })),
  lookupBlock: method(
    zBlock.extend({
      seqno: zSeqno.optional(),
      lt: zInt64.optional(),
      unixtime: zWhole(0, UNIX_S_MAX).optional(),
    }),
    (chain, { workchain, shard, seqno, lt, unixtime }) => {
      checkShard(shard);
      const found =
        (seqno !== undefined && blockBySeqno(chain.store, seqno)) ||
        (lt !== undefined && blockByLt(chain.store, lt)) ||
        (unixtime !== undefined && blockByTime(chain.store, unixtime));
      if (!found)
        throw new DevnetError({
          code: "BLOCK_UNKNOWN",
          block: `with ${seqno ?? lt ?? unixtime ?? "no seqno, lt or unixtime"}`,
        });
      return blockIdExt(found, workchain);
    },
  ),
  getBlockHeader: method(zBlock, (chain, { workchain, shard, seqno }) => {
    checkShard(shard);
    const block = blockAt(chain, seqno);
    return {
      "@type": "blocks.header",
      id: blockIdExt(block, workchain),
      global_id: NETWORK_ID,
      version: 0,
      after_merge: false,
      after_split: false,
      before_split: false,
      want_merge: false,
      want_split: false,
      validator_list_hash_short: 0,
      catchain_seqno: 0,
      min_ref_mc_seqno: seqno,
      is_key_block: seqno === 0,
      prev_key_block_seqno: 0,
      start_lt: block.startLt.toString(),
      end_lt: block.endLt.toString(),
      gen_utime: block.unixS,
      prev_blocks: seqno === 0 ? [] : [blockIdExt(blockAt(chain, seqno - 1), workchain)],
    };
  }),
  getBlockTransactions: method(zBlockPage, (chain, parameters) => {
    const { block, rows, isIncomplete } = pageOf(chain, parameters);
    return {
      "@type": "blocks.transactions",
      id: blockIdExt(block, parameters.workchain),
      req_count: parameters.count,
      incomplete: isIncomplete,
      transactions: rows.map(({ account, lt, hash }) => ({
        "@type": "blocks.shortTxId",
        mode: 135,
        account,
        lt: lt.toString(),
        hash: hash.toString("base64"),
      })),
    };
  }),
  getBlockTransactionsExt: method(zBlockPage, (chain, parameters) => {
    const { block, rows, isIncomplete } = pageOf(chain, parameters);
    return {
      "@type": "blocks.transactionsExt",
      id: blockIdExt(block, parameters.workchain),
      req_count: parameters.count,
      incomplete: isIncomplete,
      transactions: rows.map(transaction),
    };
  }),
};

/** @throws {DevnetError} BLOCK_UNKNOWN */
export function blockAt(chain: Chain, seqno: number): BlockRow {
  const block = blockBySeqno(chain.store, seqno);
  if (block === undefined) throw new DevnetError({ code: "BLOCK_UNKNOWN", block: `with seqno ${seqno}` });
  return block;
}

function checkShard(shard: bigint): void {
  // "0x8000…" and its signed spelling are both written by clients.
  if (shard.toString() !== WHOLE_SHARD)
    throw new DevnetError({
      code: "BLOCK_UNKNOWN",
      block: `of shard ${shard}; there is one, ${WHOLE_SHARD}`,
    });
}

function pageOf(
  chain: Chain,
  { workchain, shard, seqno, count, after_lt, after_hash }: z.output<typeof zBlockPage>,
) {
  checkShard(shard);
  const block = blockAt(chain, seqno);
  const after =
    after_lt === undefined || after_hash === undefined
      ? undefined
      : { account: new Address(workchain, after_hash).toRawString(), lt: after_lt };
  const rows = transactionsOfBlock(chain.store, seqno, workchain, after, count + 1);
  return { block, rows: rows.slice(0, count), isIncomplete: rows.length > count };
}
