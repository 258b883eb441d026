/** How this home becomes a member of its own network: its providers work on a founder's small job, and the certificate follows. */
import { join } from "node:path";
import {
  assert,
  formatPingo,
  type JobPayments,
  type KeyPair,
  type MembershipView,
  parsePingo,
} from "@pingo/core";
import type { FogClient, PreparedJob } from "@pingo/sdk";
import { CliError } from "../cli-error.ts";
import { memberLines } from "../commands/membership.ts";
import type { Context } from "../context.ts";
import { submitJob } from "../submit.ts";
import { linkOf } from "./link.ts";
import { type LocalChain, payerOf } from "./local-chain.ts";
import { fundEscrow } from "./own-escrow.ts";
import { ownKeys } from "./own-ids.ts";
import { purseNano } from "./purse.ts";

export interface EarnOptions {
  readonly chain: LocalChain;
  readonly fogUrl: string;
  /** What is trained afterwards: its data need no second upload. */
  readonly prepared: PreparedJob;
}

/** Enough for a piece of work each, and over in a moment. */
const TRIAL_STEPS = 8;
const TRIAL_BUDGET_NANO_MIN = parsePingo("0.3 PINGO");
const LOOK_EVERY_MS = 200;
const LOOKS_MAX = 600;

/** What became of it. */
export interface Standing {
  /** Who got and gave what for the founder's job; null where none was needed. */
  readonly firstWork: JobPayments | null;
  readonly membership: MembershipView;
}

export async function earnMembership(context: Context, options: EarnOptions): Promise<Standing> {
  const { chain, fogUrl, prepared } = options;
  const { screen, signal, ports } = context;
  const { connect } = await import("@pingo/sdk");
  const client = connect(fogUrl, { ports, key: chain.founder });
  const keys = await ownKeys(context);
  const [user] = keys;
  assert(user !== undefined, "the user's key is the first");
  const atUnixMs = ports.clock.nowUnixMs();
  for (const { key } of keys)
    await client.linkWallet(await linkOwn(chain, key, chain.wallet, atUnixMs), { signal });
  await client.linkWallet(await linkOwn(chain, chain.founder, chain.founderWallet, atUnixMs), { signal });
  const before = await client.membership(user.key.nodeId, { signal });
  const neededNano = BigInt(prepared.file.budgetNano);
  if (before.isMember && (await purseNano(context, chain)) >= neededNano)
    return { firstWork: null, membership: before };
  if (!before.isMember) for (const line of memberLines(before)) screen.line(`  ${line}`);
  const budgetNano = trialBudgetNano(neededNano);
  screen.line(
    `a founder's small job, ${TRIAL_STEPS} steps for ${formatPingo(budgetNano)}, is ${before.isMember ? "what your computers earn your own with" : "your computer's first work"}`,
  );
  const { id } = await submitJob(context, client, trialOf(prepared, budgetNano));
  const escrow = await fundEscrow(context, budgetNano, {
    ...{ client, job: id },
    openPayer: async () => ({ ...payerOf(chain, chain.founderWallet), whose: "the founder's" }),
  });
  for await (const { event } of client.events(id, { signal })) {
    if (event.type === "finished" && event.state !== "succeeded")
      throw new CliError({ code: "JOB_NOT_SUCCEEDED", job: id, state: event.state, reason: event.reason });
  }
  await escrow?.settle();
  await untilEarned(context, chain, neededNano);
  screen.line(
    `paid out on chain: your wallet has ${formatPingo(await purseNano(context, chain))} that your computers earned`,
  );
  const firstWork = await client.payments(id, { signal });
  if (before.isMember) return { firstWork, membership: before };
  screen.line("the fog node repeats a piece of it, and has a certificate issued if it comes out the same");
  const view = await untilMember(context, client, user.key);
  for (const line of memberLines(view)) screen.line(`  ${line}`);
  return { firstWork, membership: view };
}

/**
 * Of which providers get nineteen twentieths, less what rounding leaves: twice what the job afterwards costs. Of what that costs a twentieth is
 * the fog node's, so the rest lasts for twenty more.
 */
function trialBudgetNano(neededNano: bigint): bigint {
  const enoughNano = (neededNano * 220n) / 95n;
  return enoughNano > TRIAL_BUDGET_NANO_MIN ? enoughNano : TRIAL_BUDGET_NANO_MIN;
}

async function untilEarned(context: Context, chain: LocalChain, neededNano: bigint): Promise<void> {
  const { ports, signal } = context;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if ((await purseNano(context, chain)) >= neededNano) return;
    await ports.clock.sleep(LOOK_EVERY_MS, { signal });
  }
  const { ToncenterError } = await import("@pingo/ton");
  const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "what your computers earned", seconds });
}

async function linkOwn(
  { network }: LocalChain,
  node: KeyPair,
  wallet: KeyPair,
  atUnixMs: number,
): Promise<ReturnType<typeof linkOf>> {
  const { walletContract } = await import("@pingo/ton");
  const address = walletContract(wallet.publicKey, network).address.toRawString();
  return linkOf(node, { file: { address, network }, key: wallet }, atUnixMs);
}

function trialOf(prepared: PreparedJob, budgetNano: bigint): PreparedJob {
  const { schedule, workers } = prepared.file;
  return {
    ...prepared,
    file: {
      ...prepared.file,
      name: "first-work",
      budgetNano: budgetNano.toString(),
      schedule: { ...schedule, rounds: 1, stepsPerRound: TRIAL_STEPS },
      workers: { ...workers, min: 1 },
    },
  };
}

async function untilMember(context: Context, client: FogClient, user: KeyPair): Promise<MembershipView> {
  const { signal, ports, config } = context;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const view = await client.membership(user.nodeId, { signal });
    if (view.isMember) return view;
    await ports.clock.sleep(LOOK_EVERY_MS, { signal });
  }
  throw new CliError({ code: "NO_CERTIFICATE", logPath: join(config.home, "logs", "fog.log") });
}
