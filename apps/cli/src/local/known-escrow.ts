/** The escrow of a job that was funded: read, and moved on by whoever may. */

import type { EscrowView, JobEscrowTerms } from "@pingo/contracts";
import { digestOfCid, type JobId, publicKeyOfNodeId } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Toncenter, WalletMessage } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { acceptBill } from "./accept-bill.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { runErrand } from "./errand.ts";
import { readFogKey } from "./fog-key.ts";
import { findLocalPayerAt } from "./local-payer.ts";
import { OrderError } from "./order-error.ts";
import type { Payer } from "./own-escrow.ts";
import { openWallet } from "./own-wallet.ts";

export interface KnownEscrow {
  readonly address: string;
  readonly user: string;
  view(): Promise<EscrowView>;
  /** The chain's clock. */
  nowUnixS(): Promise<number>;
  /** The user's, of a bill that comes out again: paid at once. @throws {CliError} BILL_REFUSED, BILL_UNCHECKED */
  accept(): Promise<EscrowView>;
  /** The user's, in the bill's window: the quorum decides. */
  dispute(): Promise<EscrowView>;
  /** The quorum's: of this home's fog node, where its signature is enough. */
  answer(amountNano: bigint): Promise<EscrowView>;
  /** Anyone's, when the phase's time is over. */
  close(): Promise<EscrowView>;
  /** Anyone's: what a wallet sent back is paid again. */
  payOwed(): Promise<EscrowView>;
}

const NANOGRAM = 1_000_000_000n;
/** For the quorum beside the escrow; the rest comes back. */
const ANSWER_NANOGRAM = NANOGRAM / 8n;
const CALL_VALID_S = 300;

/** @throws {CliError} NO_ESCROW, NO_ADDRESS_BOOK, ESCROW_DIFFERS, and of what is asked GRAM_MISSING, REFUSED_ON_CHAIN; {ToncenterError} */
export async function openKnownEscrow(context: Context, client: FogClient, job: JobId): Promise<KnownEscrow> {
  const { signal, config, ports } = context;
  const { escrow: info } = await client.escrow(job, { signal });
  if (info === null) throw new CliError({ code: "NO_ESCROW", job });
  const local = await findLocalPayerAt(context, info.userAddress);
  const bookPath = local?.bookPath ?? config.chain.addressBookPath;
  const book = await findAddressBook(context, bookPath);
  const { minter, quorum } = book?.addresses ?? {};
  if (book === undefined || minter === undefined || quorum === undefined)
    throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
  const contracts = await import("@pingo/contracts");
  const { createToncenter, createWalletSender, walletContract } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const endpoint = local?.endpoint ?? config.chain.endpoint;
  const chain = createToncenter({ ...config.chain, endpoint, fetch: ports.fetch, clock: ports.clock });
  const terms: JobEscrowTerms = {
    minter: Address.parseRaw(minter),
    quorum: Address.parseRaw(quorum),
    user: Address.parseRaw(info.userAddress),
    fog: walletContract(publicKeyOfNodeId((await client.node({ signal })).id), book.network).address,
    job: digestOfCid(job),
    deadlineUnixS: info.deadlineUnixS,
  };
  const escrow = contracts.jobEscrow(terms);
  const address = escrow.address.toRawString();
  // Whatever the fog node says: it is the escrow of these two, for this job, under this quorum.
  if (address !== info.address)
    throw new CliError({ code: "ESCROW_DIFFERS", found: info.address, own: address });
  const isStanding = async (): Promise<boolean> => (await chain.account(escrow.address, signal)).isActive;
  const view = async (): Promise<EscrowView> => {
    if (!(await isStanding())) throw new CliError({ code: "NO_ESCROW", job });
    return chain.open(escrow).getView();
  };
  const openPayer = async (): Promise<Payer> => {
    if (local !== undefined) return local;
    const { file, key } = await openWallet(context);
    return { network: file.network, key };
  };
  const open = async (isUsers: boolean) => {
    const { key, network } = await openPayer();
    const sender = createWalletSender({ chain, key, network, clock: ports.clock, signal });
    if (isUsers && !sender.address.equals(terms.user))
      throw new CliError({ code: "ESCROW_NOT_YOURS", user: info.userAddress });
    return { chain, sender };
  };
  const send = async (
    message: WalletMessage,
    isDone: (after: EscrowView) => boolean,
    isUsers: boolean,
  ): Promise<EscrowView> =>
    runErrand(context, await open(isUsers), {
      ...{ what: "the change of the escrow", messages: [message] },
      async look() {
        const after = await view();
        return isDone(after) ? after : undefined;
      },
    });
  const ask = { to: escrow.address, valueNanogram: contracts.ESCROW_ASK_NANOGRAM };
  const isClosed = ({ phase }: EscrowView): boolean => phase === "closed";
  const billedOr = async (act: string): Promise<EscrowView> => {
    const now = await view();
    if (now.phase !== "billed") throw new CliError({ code: "ESCROW_NOT_BILLED", act, phase: now.phase });
    return now;
  };
  return {
    address,
    user: info.userAddress,
    view,
    nowUnixS: () => chain.nowUnixS(signal),
    async accept() {
      const bill = await billedOr("accept");
      return acceptBill(context, await open(true), { client, job, escrow, bill });
    },
    async dispute() {
      const { untilUnixS } = await billedOr("dispute");
      if ((await chain.nowUnixS(signal)) >= untilUnixS)
        throw new CliError({ code: "ESCROW_WINDOW_OVER", untilUnixS });
      return send({ ...ask, body: contracts.encodeDispute() }, ({ phase }) => phase === "disputed", true);
    },
    async answer(amountNano) {
      const { phase, billedNano } = await view();
      if (phase !== "disputed") throw new CliError({ code: "ESCROW_NOT_DISPUTED", phase });
      if (amountNano > billedNano) throw new CliError({ code: "ANSWER_TOO_MUCH", billedNano, amountNano });
      const body = await signedOrder(context, chain, {
        terms,
        network: book.network,
        target: escrow.address,
        amountNano,
      });
      return send({ to: terms.quorum, valueNanogram: ANSWER_NANOGRAM, body }, isClosed, false);
    },
    async close() {
      const { phase, untilUnixS } = await view();
      if (phase === "closed") throw new CliError({ code: "ESCROW_CLOSED" });
      if ((await chain.nowUnixS(signal)) < untilUnixS)
        throw new CliError({ code: "ESCROW_TOO_EARLY", phase, untilUnixS });
      return send({ ...ask, body: contracts.encodeFinish() }, isClosed, false);
    },
    async payOwed() {
      const { owedNano } = await view();
      if (owedNano === 0n) throw new OrderError({ code: "NOTHING_OWED", what: "the job's escrow" });
      return send({ ...ask, body: contracts.encodePayOwed() }, (after) => after.owedNano < owedNano, false);
    },
  };
}

/** Signed with the key of this home's fog node; whoever sends it pays for it. */
async function signedOrder(
  context: Context,
  chain: Toncenter,
  {
    terms,
    network,
    target,
    amountNano,
  }: {
    readonly terms: JobEscrowTerms;
    readonly network: -239 | -3;
    readonly target: JobEscrowTerms["user"];
    readonly amountNano: bigint;
  },
) {
  const { encodeExecute, encodeQuorumCall, encodeSettle, placeInQuorum, QuorumAt, signCell } = await import(
    "@pingo/contracts"
  );
  const key = await readFogKey(context);
  const view = await chain.open(new QuorumAt(terms.quorum)).getView();
  const { seqno, threshold } = view;
  const place = placeInQuorum(view, key.publicKey);
  if (place === undefined || threshold > 1)
    throw new CliError({ code: "QUORUM_NOT_OURS", isMember: place !== undefined, threshold });
  const call = encodeQuorumCall({
    ...{ quorum: terms.quorum, globalId: network, seqno, target, order: encodeSettle(amountNano) },
    validUntilUnixS: (await chain.nowUnixS(context.signal)) + CALL_VALID_S,
    valueMinNanogram: ANSWER_NANOGRAM,
  });
  return encodeExecute(call, new Map([[place, signCell(key, call)]]));
}
