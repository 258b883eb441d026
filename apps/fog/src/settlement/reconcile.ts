/**
 * Compares the books with the chain, both ways: what they say went in and out with the transactions of the PINGO wallets that it went through.
 *
 * The chain is read before the books and once more after them. What moves meanwhile is in one of the two: nothing that is merely under way is told as a
 * difference.
 */
import type { PingoMove } from "@pingo/contracts";
import type { ChainReport } from "@pingo/core";
import { asc, eq, like } from "drizzle-orm";
import { outerEscrow } from "../books/accounts.ts";
import {
  type EscrowRow,
  entries,
  escrows,
  type PayoutRow,
  payouts,
  type Sql,
  transfers,
} from "../database/schema.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import { overpaidNano, refundedNano as refundsOf, usedNano as workNano } from "./settlement-store.ts";

export type Find = (code: string, where: string, what: string) => void;

export async function reconcile(
  { sql, chain }: { readonly sql: Sql; readonly chain: SettlementChain },
  find: Find,
  note: Find,
): Promise<ChainReport> {
  const before = await chain.moves(0n);
  const rows = await sql.select().from(escrows).orderBy(asc(escrows.createdUnixMs));
  const paid = await sql.select().from(payouts).orderBy(asc(payouts.id));
  const nanoByEntry = await worldEntries(sql);
  const after = await chain.moves(0n);
  const escrowByPurse = new Map(rows.map((row) => [purseOf(chain, row.address), row]));
  checkPayouts(chain, { paid, nanoByEntry, before, after }, find);
  checkNamed(rows, nanoByEntry, find);
  noteGifts(chain, { escrowByPurse, before }, note);
  for (const row of rows) await checkEscrow({ sql, chain }, row, { nanoByEntry, after }, find, note);
  return {
    escrows: rows.length,
    payouts: paid.length,
    inNano: sumOf(after, "in").toString(),
    outNano: sumOf(after, "out").toString(),
    backNano: sumOf(after, "back").toString(),
  };
}

/** By key of the transfer and account: what moved between these books and the chain. */
type NanoByEntry = ReadonlyMap<string, bigint>;

async function worldEntries(sql: Sql): Promise<NanoByEntry> {
  const found = await sql
    .select({ key: transfers.key, account: entries.account, amountNano: entries.amountNano })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(like(entries.account, "world/%"));
  return new Map(found.map(({ key, account, amountNano }) => [`${key} ${account}`, amountNano]));
}

function checkPayouts(
  chain: SettlementChain,
  {
    paid,
    nanoByEntry,
    before,
    after,
  }: {
    readonly paid: readonly PayoutRow[];
    readonly nanoByEntry: NanoByEntry;
    readonly before: readonly PingoMove[];
    readonly after: readonly PingoMove[];
  },
  find: Find,
): void {
  const byId = new Map(paid.map((payout) => [BigInt(payout.id), payout]));
  const seen = new Set<bigint>();
  for (const { direction, queryId, amountNano, wallet, lt } of before) {
    if (direction === "in") continue;
    const payout = byId.get(queryId);
    const where = payout === undefined ? `lt ${lt}` : `payout/${payout.id}`;
    if (direction === "back") {
      // One that is not known to have ended is still being followed.
      if (payout === undefined || (payout.endLt !== null && payout.returnedUnixS === null))
        find(
          "RETURNED_NOT_IN_BOOKS",
          where,
          `the chain shows ${amountNano} nano-PINGO sent back by ${wallet}, at lt ${lt}`,
        );
      continue;
    }
    if (payout === undefined)
      find("PAYOUT_NOT_IN_BOOKS", where, `the chain shows ${amountNano} nano-PINGO sent to ${wallet}`);
    else if (payout.amountNano !== amountNano || purseOf(chain, payout.address) !== wallet?.toRawString())
      find(
        "PAYOUT_DIFFERS",
        where,
        `the chain shows ${amountNano} nano-PINGO to ${wallet}; the books say ${payout.amountNano} for ${payout.address}`,
      );
    if (seen.has(queryId)) find("PAYOUT_TWICE", where, `it was sent once more, at lt ${lt}`);
    seen.add(queryId);
  }
  const onChain = new Set(after.flatMap(({ direction, queryId }) => (direction === "out" ? [queryId] : [])));
  const returned = new Set(
    after.flatMap(({ direction, queryId }) => (direction === "back" ? [queryId] : [])),
  );
  for (const { id, amountNano, seenLt, returnedUnixS } of paid) {
    const where = `payout/${id}`;
    const backNano = nanoByEntry.get(`payout-returned/${id} world/wallet`) ?? 0n;
    if (backNano !== (returnedUnixS === null ? 0n : -amountNano))
      find(
        "RETURNED_DIFFERS",
        where,
        `it came back: ${returnedUnixS !== null}; the books took ${-backNano} back`,
      );
    if (returnedUnixS !== null && !returned.has(BigInt(id)))
      find("RETURNED_NOT_ON_CHAIN", where, `the books say that ${amountNano} nano-PINGO came back`);
    if (seenLt !== null && !onChain.has(BigInt(id)))
      find("PAYOUT_NOT_ON_CHAIN", where, `the books say that ${amountNano} nano-PINGO were sent`);
    if (nanoByEntry.get(`${where} world/wallet`) !== amountNano)
      find("PAYOUT_WITHOUT_ENTRY", where, `no transfer of ${amountNano} nano-PINGO stands behind it`);
  }
  for (const key of nanoByEntry.keys()) {
    const [, id] = /^payout(?:-returned)?\/(\d+) /.exec(key) ?? [];
    if (id !== undefined && !byId.has(BigInt(id)))
      find("PAYOUT_NOT_ON_CHAIN", `payout/${id}`, "the books say it was paid, and nothing was sent");
  }
}

/** What came from an escrow that is not named would be a gift. */
function checkNamed(rows: readonly EscrowRow[], nanoByEntry: NanoByEntry, find: Find): void {
  const named = new Set<string>(rows.map(({ job }) => job));
  const written = [...nanoByEntry.keys()].flatMap(
    (key) => /^(?:deposit|billed)\/(\S+) /.exec(key)?.[1] ?? [],
  );
  for (const job of new Set(written)) {
    if (named.has(job)) continue;
    find("ESCROW_NOT_NAMED", `escrow/${job}`, "the books moved PINGO by an escrow that they do not name");
  }
}

/**
 * Anyone may send PINGO to the station: it stays in its wallet, and the books promise it to nobody. Of escrows that are still being settled the books come a
 * moment later; rewards are compared where the emission is (emission/audit-epochs.ts).
 */
function noteGifts(
  chain: SettlementChain,
  {
    escrowByPurse,
    before,
  }: { readonly escrowByPurse: ReadonlyMap<string, EscrowRow>; readonly before: readonly PingoMove[] },
  note: Find,
): void {
  for (const { direction, amountNano, wallet, lt } of before) {
    const from = wallet?.toRawString() ?? "";
    if (direction !== "in" || escrowByPurse.has(from) || chain.vaultWallets.has(from)) continue;
    note(
      "GIFT",
      `lt ${lt}`,
      `${amountNano} nano-PINGO came from ${wallet}, which is no escrow of these books; they are in the station's wallet, and in no account`,
    );
  }
}

async function checkEscrow(
  { sql, chain }: { readonly sql: Sql; readonly chain: SettlementChain },
  { job, address, state, userAddress, deadlineUnixS }: EscrowRow,
  { nanoByEntry, after }: { readonly nanoByEntry: NanoByEntry; readonly after: readonly PingoMove[] },
  find: Find,
  note: Find,
): Promise<void> {
  if (state === "awaited") return;
  const where = `escrow/${job}`;
  const outer = outerEscrow(job);
  const written = (key: string): bigint => nanoByEntry.get(`${key}/${job} ${outer}`) ?? 0n;
  const depositedNano = -written("deposit");
  const cameNano = sumOf(await chain.moves(0n, address), "in");
  if (cameNano < depositedNano)
    find(
      "DEPOSIT_NOT_ON_CHAIN",
      where,
      `the books say ${depositedNano} nano-PINGO; ${cameNano} came to ${address}`,
    );
  if (state === "abandoned") {
    if (cameNano > 0n)
      note(
        "LATE_DEPOSIT",
        where,
        `${cameNano} nano-PINGO came to ${address} after its job had ended; they are its user's again at the deadline`,
      );
    return;
  }
  if (cameNano > 0n && depositedNano === 0n)
    find("DEPOSIT_NOT_IN_BOOKS", where, `${cameNano} nano-PINGO came to ${address}; the books say nothing`);
  if (state !== "closed") return;
  const billedNano = written("billed");
  const purse = purseOf(chain, address);
  const gotNano = sumOf(
    after.filter(({ wallet }) => wallet?.toRawString() === purse),
    "in",
  );
  if (gotNano !== billedNano)
    find(
      "BILL_DIFFERS",
      where,
      `the chain shows ${gotNano} nano-PINGO paid by it; the books say ${billedNano}`,
    );
  const usedNano = await workNano(sql, job);
  // Billed, and less was paid: that is what a dispute may come to.
  if (usedNano > billedNano && (await chain.read({ job, userAddress, deadlineUnixS }))?.evidence === 0n)
    find(
      "EARNINGS_NOT_COVERED",
      where,
      `receipts came to ${usedNano} nano-PINGO, and it was closed without a bill`,
    );
  const returnedNano = written("returned");
  const [overNano, refundedNano] = [await overpaidNano(sql, job), await refundsOf(sql, job)];
  if (refundedNano > overNano)
    find(
      "REFUND_NOT_DUE",
      where,
      `its user was paid ${refundedNano} nano-PINGO back for refuted work, and its escrow had paid ${overNano} for it`,
    );
  if (depositedNano - billedNano !== returnedNano)
    find(
      "RETURN_DIFFERS",
      where,
      `${depositedNano - billedNano} nano-PINGO went back; the books say ${returnedNano}`,
    );
}

function purseOf(chain: SettlementChain, owner: string): string {
  return chain.pingoWalletOf(owner).toRawString();
}

function sumOf(moves: readonly PingoMove[], way: PingoMove["direction"]): bigint {
  return moves.reduce((sum, { direction, amountNano }) => (direction === way ? sum + amountNano : sum), 0n);
}
