/** What a wallet asks of contracts: sent, then looked for, until the chain shows it or says why not. */
import type { Toncenter, TransactionView, WalletMessage, WalletSender } from "@pingo/ton";
import type { Cell } from "@ton/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export interface Errand<T> {
  /** What is waited for, as people are told of it: "the pause". */
  readonly what: string;
  readonly messages: readonly WalletMessage[];
  /** @returns undefined while it is not there; `answers`: what came to the wallet since, newest first */
  look(answers: readonly TransactionView[]): Promise<T | undefined>;
}

const LOOK_EVERY_MS = 400;
const LOOKS_MAX = 150;
const ANSWERS_MAX = 20;
/** How the network marks what a contract refused. */
const BOUNCED = 0xffffffff;

/** @throws {CliError} REFUSED_ON_CHAIN; {ToncenterError} CHAIN_REFUSED, NOT_SEEN_ON_CHAIN */
export async function runErrand<T>(
  { ports: { clock }, signal }: Pick<Context, "ports" | "signal">,
  { chain, sender }: { readonly chain: Toncenter; readonly sender: WalletSender },
  { what, messages, look }: Errand<T>,
): Promise<T> {
  const { ToncenterError } = await import("@pingo/ton");
  const [last] = await chain.transactions(sender.address, { limit: 1, afterLt: 0n }, signal);
  const page = { limit: ANSWERS_MAX, afterLt: last?.lt ?? 0n };
  await sender.send(messages);
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const answers = await chain.transactions(sender.address, page, signal);
    // Before anything is looked for: what was refused may look like done, as where it was done once before.
    for (const { inMessage } of answers) if (inMessage?.body) await assertNotRefused(what, inMessage.body);
    const found = await look(answers);
    if (found !== undefined) return found;
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what, seconds: (LOOKS_MAX * LOOK_EVERY_MS) / 1000 });
}

async function assertNotRefused(what: string, body: Cell): Promise<void> {
  const { exitCodeOfFailure, sentenceOfExitCode } = await import("@pingo/contracts");
  const { ToncenterError } = await import("@pingo/ton");
  const exitCode = exitCodeOfFailure(body);
  if (exitCode !== null)
    throw new CliError({ code: "REFUSED_ON_CHAIN", what, exitCode, why: sentenceOfExitCode(exitCode) });
  if (body.bits.length >= 32 && body.beginParse().loadUint(32) === BOUNCED)
    throw new ToncenterError({
      code: "CHAIN_REFUSED",
      method: what,
      why: "its contract returned the message",
    });
}
