/** The user's side of a job that is paid on chain: its budget into escrow, and its bill accepted. */
import type { Escrow, JobEscrowTerms } from "@pingo/contracts";
import { digestOfCid, formatPingo, type JobId, type KeyPair, publicKeyOfNodeId } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { NetworkId, Toncenter, WalletSender } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { acceptBill } from "./accept-bill.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { assertGram, runErrand } from "./errand.ts";

/** Whose wallet pays, and where. */
export interface Payer {
  readonly network: NetworkId;
  readonly key: KeyPair;
  /** Where the chain is, and the contracts; this home's settings unless given. */
  readonly endpoint?: string;
  readonly bookPath?: string;
  /** "your" unless given: whose wallet people are told of. */
  readonly whose?: string;
}

export interface EscrowOptions {
  readonly client: FogClient;
  readonly job: JobId;
  /** Called only where something is paid. `userAddress`: the wallet that the fog node knows of the job's owner. */
  readonly openPayer: (userAddress: string) => Promise<Payer>;
}

export interface OwnEscrow {
  readonly address: string;
  /** Accepts the bill as soon as it is there, and comes out again. @returns what was billed. @throws {CliError} BILL_REFUSED, BILL_UNCHECKED, REFUSED_ON_CHAIN */
  settle(): Promise<bigint>;
}

const LOOK_EVERY_MS = 500;
/** The fog node gives a job up after 15 minutes. */
const LOOKS_MAX = 1_800;
/** A fog node gives a fortnight; whoever names another century keeps the money until then. */
const DEADLINE_S_MIN = 3_600;
const DEADLINE_S_MAX = 30 * 86_400;

/**
 * undefined where this fog node pays by its books alone, or the job costs nothing.
 *
 * The escrow's address is computed here, from this home's own address book: a fog node cannot name one of its own making.
 *
 * @throws {CliError} NO_ADDRESS_BOOK, ESCROW_DIFFERS, ESCROW_DEADLINE, PINGO_MISSING, GRAM_MISSING, REFUSED_ON_CHAIN, ESCROW_SILENT; {ToncenterError}
 */
export async function fundEscrow(
  context: Context,
  budgetNano: bigint,
  options: EscrowOptions,
): Promise<OwnEscrow | undefined> {
  const { client, job, openPayer } = options;
  const { screen, signal, config, ports } = context;
  const { payment } = await client.escrow(job, { signal });
  if (payment === "books" || budgetNano === 0n) return undefined;
  const info = await lookUntil(
    context,
    "named an escrow",
    async () => (await client.escrow(job, { signal })).escrow,
  );
  const payer = await openPayer(info.userAddress);
  const { key, network, bookPath = config.chain.addressBookPath, whose = "your" } = payer;
  const book = await findAddressBook(context, bookPath);
  const { minter, quorum } = book?.addresses ?? {};
  if (minter === undefined || quorum === undefined)
    throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
  const { createToncenter, createWalletSender, walletContract } = await import("@pingo/ton");
  const { ESCROW_ASK_NANOGRAM, encodeFunding, jobEscrow } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { clock, fetch } = ports;
  const { endpoint = config.chain.endpoint } = payer;
  const chain = createToncenter({ ...config.chain, endpoint, fetch, clock });
  const sender = createWalletSender({ chain, key, network, clock, signal });
  const fogKey = publicKeyOfNodeId((await client.node({ signal })).id);
  const terms: JobEscrowTerms = {
    minter: Address.parseRaw(minter),
    quorum: Address.parseRaw(quorum),
    user: sender.address,
    fog: walletContract(fogKey, network).address,
    job: digestOfCid(job),
    deadlineUnixS: info.deadlineUnixS,
  };
  const escrow = jobEscrow(terms);
  const address = escrow.address.toRawString();
  if (address !== info.address)
    throw new CliError({ code: "ESCROW_DIFFERS", found: info.address, own: address });
  const nowUnixS = await chain.nowUnixS(signal);
  const leftS = info.deadlineUnixS - nowUnixS;
  if (info.state === "awaited" && (leftS < DEADLINE_S_MIN || leftS > DEADLINE_S_MAX))
    throw new CliError({ code: "ESCROW_DEADLINE", deadlineUnixS: info.deadlineUnixS });
  if (info.state === "awaited" && !(await isStanding(chain, escrow, budgetNano))) {
    await assertFunds(chain, terms, budgetNano);
    const messages = encodeFunding(terms, budgetNano);
    // With the word that accepts its bill.
    const accept = { to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM };
    const what = "the job's escrow";
    await assertGram(context, { chain, sender }, { what, messages: [...messages, accept] });
    screen.line(`${formatPingo(budgetNano)} from ${whose} wallet into the job's escrow ${address}`);
    const look = async () => (await isStanding(chain, escrow, budgetNano)) || undefined;
    await runErrand(context, { chain, sender }, { what, messages, look });
  }
  const isFunded = async () =>
    (await client.escrow(job, { signal })).escrow?.state !== "awaited" || undefined;
  await lookUntil(context, "seen the job's escrow funded", isFunded);
  return { address, settle: () => settle(context, options, { chain, sender, escrow }) };
}

async function settle(
  context: Context,
  { client, job }: EscrowOptions,
  {
    chain,
    sender,
    escrow,
  }: { readonly chain: Toncenter; readonly sender: WalletSender; readonly escrow: Escrow },
): Promise<bigint> {
  const { signal } = context;
  const opened = chain.open(escrow);
  const billed = await lookUntil(context, "billed the job", async () => {
    const view = await opened.getView();
    return view.phase === "open" ? undefined : view;
  });
  if (billed.phase === "billed")
    await acceptBill(context, { chain, sender }, { client, job, escrow, bill: billed });
  await lookUntil(context, "seen the job's escrow closed", async () =>
    (await client.escrow(job, { signal })).escrow?.state === "closed" ? true : undefined,
  );
  return (await opened.getView()).billedNano;
}

async function isStanding(chain: Toncenter, escrow: Escrow, budgetNano: bigint): Promise<boolean> {
  if (!(await chain.account(escrow.address)).isActive) return false;
  return (await chain.open(escrow).getView()).depositedNano >= budgetNano;
}

async function assertFunds(chain: Toncenter, { user, minter }: JobEscrowTerms, budgetNano: bigint) {
  const { PingoWallet } = await import("@pingo/contracts");
  const foundNano = await chain.open(new PingoWallet(user, minter)).getBalanceNano();
  const address = user.toString({ bounceable: false });
  if (foundNano < budgetNano)
    throw new CliError({ code: "PINGO_MISSING", address, neededNano: budgetNano, foundNano });
}

async function lookUntil<T>(
  { ports: { clock }, signal }: Context,
  what: string,
  look: () => Promise<T | null | undefined>,
): Promise<T> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const found = await look();
    if (found !== undefined && found !== null) return found;
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
  throw new CliError({ code: "ESCROW_SILENT", what, minutes: (LOOKS_MAX * LOOK_EVERY_MS) / 60_000 });
}
