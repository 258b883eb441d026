import { type BooksView, formatPingo, isFault, type NodeId, type RewardsView, shortId } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { ownKeys } from "../local/own-ids.ts";
import { claimRewards, readRewards } from "../local/own-rewards.ts";
import { parseAddress } from "../local/parse-address.ts";
import { optionsOf } from "../options.ts";
import { takenBackLines } from "../view/refuted-view.ts";
import { POOL_NAMES, rewardLines } from "../view/rewards-view.ts";
import { table } from "../view/table.ts";

const HELP = `
Amounts are what the fog node's books say; "pingo audit verify" computes them again from signed receipts.

Examples:
  pingo earnings                           what this home earned, what of it went to its wallet, and what its jobs cost
  pingo earnings --lines                   and what moved it, newest first
  pingo earnings claim                     rewards of the emission into your wallet
  pingo earnings --json | jq -r .earnedNano`;
const CLAIM_HELP = `
Paid work earns rewards beside its pay (docs/reference/books.md). An epoch's are given when it is over; its root waits in a window in which anyone may challenge
it, and pays then, at any time, once. Anyone may ask and pays the gas (about 0.006 GRAM a pool; more is attached and comes back); the PINGO go to the owner.

Examples:
  pingo earnings claim                     for this home's wallet
  pingo earnings claim --owner UQ…         for somebody else's`;

export function earningsCommand(run: Run): Command {
  return new Command("earnings")
    .description("what this computer earned, and what your jobs cost")
    .option("--lines", "the movements too")
    .addHelpText("after", HELP)
    .action(run(earnings))
    .addCommand(
      new Command("claim")
        .description("rewards of the emission, into the wallet that earned them")
        .option("--owner <address>", "whose rewards (default: this home's wallet)")
        .addHelpText("after", CLAIM_HELP)
        .action(run(claim)),
    );
}

async function claim(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const owner = optionsOf(command).text("owner");
  const client = await connectAsReader(context);
  const claimed = await claimRewards(
    context,
    client,
    owner === undefined ? undefined : await parseAddress("--owner", owner),
  );
  screen.json({
    owner: claimed.owner,
    pools: claimed.pools.map(({ pool, nano }) => ({ pool, nano: nano.toString() })),
  });
  for (const { pool, nano } of claimed.pools)
    screen.line(`${formatPingo(nano)} ${POOL_NAMES[pool]}, on their way to ${claimed.owner}`);
}

/** Of the wallet that this home's user is linked to; null where there is none, or no rewards are given. */
async function ownRewards(
  context: Context,
  client: FogClient,
  user: NodeId | undefined,
): Promise<RewardsView | { readonly unknown: string } | null> {
  const { signal } = context;
  if (user === undefined) return null;
  try {
    const { address } = await client.membership(user, { signal });
    return address === null ? null : await readRewards(client, address, signal);
  } catch (error) {
    signal.throwIfAborted();
    // The books are told without a chain too.
    if (isFault(error)) return { unknown: error.message };
    throw error;
  }
}

async function earnings(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const client = await connectAsReader(context);
  const keys = await ownKeys(context);
  const found = await Promise.all(
    keys.map(async ({ name, key }) => ({
      name,
      id: key.nodeId,
      books: await client.books(key.nodeId, { signal }),
      refuted: await client.refutedOfProvider(key.nodeId, { signal }),
    })),
  );
  const rewards = await ownRewards(context, client, keys[0]?.key.nodeId);
  const sum = (of: (books: BooksView) => bigint): bigint =>
    found.reduce((total, { books }) => total + of(books), 0n);
  const earned = sum(({ earnedNano }) => BigInt(earnedNano));
  const paidOut = sum(({ paidOutNano }) => BigInt(paidOutNano));
  const toCome = sum(toComeOf);
  const takenBack = sum(({ takenBackNano }) => BigInt(takenBackNano));
  const owed = sum(({ owedNano }) => BigInt(owedNano));
  const refundsToCome = sum(({ refundsToComeNano }) => BigInt(refundsToComeNano));
  const refuted = found.flatMap((one) => one.refuted);
  const spent = sum(({ spentNano }) => BigInt(spentNano));
  const ownerNano = sum((books) => BigInt(books.ownerNano));
  const hasLines = optionsOf(command).flag("lines");
  const lines = found
    .flatMap(({ name, books }) => books.lines.map((line) => ({ ...line, name })))
    .sort((a, b) => b.transfer - a.transfer);
  screen.json({
    earnedNano: earned.toString(),
    paidOutNano: paidOut.toString(),
    toComeNano: toCome.toString(),
    takenBackNano: takenBack.toString(),
    owedNano: owed.toString(),
    refundsToComeNano: refundsToCome.toString(),
    spentNano: spent.toString(),
    ownerNano: ownerNano.toString(),
    accounts: found.map(({ name, id, books: { lines: _, ...sums } }) => ({ name, id, ...sums })),
    rewards,
    refuted,
    ...(hasLines && { lines }),
  });
  const row = (name: string, id: string, ...amounts: readonly bigint[]): readonly string[] => [
    name,
    id,
    ...amounts.map((amountNano) => (amountNano === 0n ? "" : formatPingo(amountNano))),
  ];
  screen.line(
    table(
      [
        { title: "who" },
        { title: "id" },
        { title: "earned", align: "right" },
        { title: "paid out", align: "right" },
        { title: "to come", align: "right" },
        { title: "spent on jobs", align: "right" },
      ],
      [
        ...found.map(({ name, id, books }) =>
          row(
            name,
            shortId(id),
            ...[
              BigInt(books.earnedNano),
              BigInt(books.paidOutNano),
              toComeOf(books),
              BigInt(books.spentNano),
            ],
          ),
        ),
        row("together", "", earned, paidOut, toCome, spent),
      ],
    ),
  );
  for (const line of takenBackLines(refuted)) screen.line(line);
  if (owed > 0n)
    screen.line(`${formatPingo(owed)} of it had been paid out already; what you earn next goes there first`);
  if (refundsToCome > 0n)
    screen.line(
      `to come back for refuted work on your jobs: ${formatPingo(refundsToCome)}, as its providers work it off and the fog node's fees bear it`,
    );
  if (rewards !== null && "unknown" in rewards) screen.line(`rewards: unknown; ${rewards.unknown}`);
  else if (rewards !== null) for (const line of rewardLines(rewards)) screen.line(line);
  if (ownerNano < 0n) screen.line(`your jobs cost ${formatPingo(-ownerNano)} more than was paid in`);
  if (!hasLines) return;
  for (const { atUnixMs, kind, name, amountNano, job } of lines) {
    const at = new Date(atUnixMs).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "medium" });
    const what = job === null ? kind : `${kind} ${shortId(job)}`;
    screen.line(`${at}  ${name.padEnd(10)}  ${formatPingo(BigInt(amountNano)).padStart(22)}  ${what}`);
  }
}

/** Earned, and neither paid out nor spent on jobs yet. */
function toComeOf({ providerNano, fogNano }: BooksView): bigint {
  return BigInt(providerNano) + BigInt(fogNano);
}
