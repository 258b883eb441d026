/** What a wallet asks of contracts: paid for, sent, then looked for, until the chain shows it or says why not. */
import type { Toncenter, TransactionView, WalletMessage, WalletSender } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export interface Errand<T> {
  /** What is waited for, as people are told of it: "the pause". */
  readonly what: string;
  readonly messages: readonly WalletMessage[];
  /** Contracts that the messages are carried on to: they may refuse as well. */
  readonly through?: readonly Address[];
  /** @returns undefined while it is not there; `answers`: what came to the wallet since, newest first */
  look(answers: readonly TransactionView[]): Promise<T | undefined>;
}

/** The chain, and the wallet that pays. */
export interface Errands {
  readonly chain: Toncenter;
  readonly sender: WalletSender;
}

/** For the wallet's own order. */
const FEES_NANOGRAM = 20_000_000n;
const LOOK_EVERY_MS = 400;
/** A toncenter without a key answers once a second, and one look asks twice or more. */
const LOOK_MS_MAX = 120_000;
const ANSWERS_MAX = 20;
/** How the network marks what a contract refused. */
const BOUNCED = 0xffffffff;

/** @throws {CliError} GRAM_MISSING before anything is sent, REFUSED_ON_CHAIN; {ToncenterError} CHAIN_REFUSED, NOT_SEEN_ON_CHAIN */
export async function runErrand<T>(
  context: Pick<Context, "signal"> & { readonly ports: Pick<Context["ports"], "clock"> },
  errands: Errands,
  errand: Errand<T>,
): Promise<T> {
  const { signal } = context;
  const { clock } = context.ports;
  const { chain, sender } = errands;
  const { what, messages, through = [], look } = errand;
  const { isAway, ToncenterError } = await import("@pingo/ton");
  await assertGram(context, errands, errand);
  const [last] = await chain.transactions(sender.address, { limit: 1, afterLt: 0n }, signal);
  const page = { limit: ANSWERS_MAX, afterLt: last?.lt ?? 0n };
  await sender.send(messages);
  const asked = [...messages.map(({ to }) => to), ...through];
  const beganMs = clock.monotonicMs();
  let cause: unknown;
  while (clock.monotonicMs() - beganMs < LOOK_MS_MAX) {
    try {
      const answers = await chain.transactions(sender.address, page, signal);
      // Before anything is looked for: what was refused may look like done, as where it was done once before.
      for (const { inMessage } of answers) {
        const from = inMessage?.from;
        // Anybody may write to a wallet what looks like a refusal: it counts from those who were asked.
        if (inMessage && from && asked.some((address) => address.equals(from)))
          await assertNotRefused(what, inMessage.body, () => exitCodeAt(errands, from, page, signal));
      }
      const found = await look(answers);
      if (found !== undefined) return found;
    } catch (error) {
      if (!isAway(error)) throw error;
      cause = error;
    }
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what, seconds: LOOK_MS_MAX / 1000 }, { cause });
}

/** For whoever wants to know before they ask. @throws {CliError} GRAM_MISSING */
export async function assertGram(
  { signal }: Pick<Context, "signal">,
  { chain, sender }: Errands,
  { what, messages }: Pick<Errand<unknown>, "what" | "messages">,
): Promise<void> {
  const neededNanogram = messages.reduce((sum, { valueNanogram }) => sum + valueNanogram, FEES_NANOGRAM);
  const { balanceNanogram: foundNanogram } = await chain.account(sender.address, signal);
  if (foundNanogram >= neededNanogram) return;
  const { network } = sender;
  const { GLOBAL_ID } = await import("@pingo/contracts");
  const isMainnet = network === GLOBAL_ID.mainnet;
  const address = sender.address.toString({ bounceable: false, testOnly: !isMainnet });
  throw new CliError({ code: "GRAM_MISSING", what, address, isMainnet, neededNanogram, foundNanogram });
}

/** @param exitCodeOf of the contract that returned a message, which says nothing of why by itself */
async function assertNotRefused(
  what: string,
  body: Cell,
  exitCodeOf: () => Promise<number | null>,
): Promise<void> {
  const { exitCodeOfFailure, sentenceOfExitCode } = await import("@pingo/contracts");
  const { ToncenterError } = await import("@pingo/ton");
  const isReturned = body.bits.length >= 32 && body.beginParse().loadUint(32) === BOUNCED;
  const exitCode = isReturned ? await exitCodeOf() : exitCodeOfFailure(body);
  if (exitCode !== null)
    throw new CliError({ code: "REFUSED_ON_CHAIN", what, exitCode, why: sentenceOfExitCode(exitCode) });
  if (isReturned)
    throw new ToncenterError({
      code: "CHAIN_REFUSED",
      method: what,
      why: "its contract returned the message",
    });
}

/** With what a contract ended when this wallet's message failed there; null where its transactions do not show it. */
async function exitCodeAt(
  { chain, sender }: Errands,
  contract: Address,
  page: { readonly limit: number; readonly afterLt: bigint },
  signal: AbortSignal,
): Promise<number | null> {
  const failed = (await chain.transactions(contract, page, signal)).find(
    ({ isDone, inMessage }) => !isDone && inMessage?.from?.equals(sender.address),
  );
  return failed?.exitCode || null;
}
