/** `pingo fog epoch …`: what the emission gave, computed again by anyone; challenged, signed and posted by whoever may. */
import { type ClosedEpoch, formatPingo, POOLS, type Pool, type PoolView } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { EXIT_FAULT } from "../exit-codes.ts";
import { type CheckedEpoch, checkEpoch, hexOf } from "../local/check-epoch.ts";
import { openOwnChain } from "../local/own-chain.ts";
import { challengeRoot, dropRoot, postRoot, type RootParts, signRoot } from "../local/own-roots.ts";
import { moment } from "../local/vote-error.ts";
import { optionsOf } from "../options.ts";
import { parseSignatures, signatureText } from "../view/signatures.ts";
import { table } from "../view/table.ts";

const SHOW_HELP = `
Examples:
  pingo fog epoch show                     the epoch that runs, roots on chain, and epochs closed at this fog node
  pingo fog epoch show --json | jq .epochs`;
const CHECK_HELP = `
Receipts, jobs and wallets are opened from their blocks, what was paid is read from the escrows on chain, what may be given from the schedule; the roots that come out are
compared with those on chain. Exit code 1: something differs, one line each.

Examples:
  pingo fog epoch check                    the epoch whose root waits, else the newest
  pingo fog epoch check --epoch 12 --fog http://…:4710`;
const CHALLENGE_HELP = `
Not where the root is right. A root that gives somebody less than before falls at once, by two proofs; any other waits for governance, and the schedule's bond, in GRAM, comes back
unless governance upholds the root.

Examples:
  pingo fog epoch challenge --pool compute`;
const DROP_HELP = `
Anyone may, where governance was silent for longer than the schedule lets it be: the root falls, and the bond goes back to who challenged it.

Examples:
  pingo fog epoch drop --pool compute`;
const SIGN_HELP = `
Everything is computed again here first. The signature is of this home's fog node; one day's signatures of one pool go together.

Examples:
  pingo fog epoch sign --pool compute --fog http://…:4710`;
const POST_HELP = `
A fog node that is a quorum by itself posts roots by itself. With more members one of them, or anyone with a wallet, posts what enough of them signed.

Examples:
  pingo fog epoch post --pool compute --signature 1:9f…,2:07…
  pingo fog epoch post --pool fog          where one signature, this home's, is enough`;

const EPOCH_MAX = 999_999_999;

export function fogEpochCommand(run: Run): Command {
  const onPool = (name: string): Command =>
    new Command(name).requiredOption("--pool <name>", `${POOLS.join(" or ")}: whose root`);
  const onEpoch = (command: Command): Command =>
    command.option("--epoch <number>", "which (default: the one whose root waits, else the newest)");
  return new Command("epoch")
    .description("rewards of the emission by epochs: roots that are checked, challenged, signed")
    .addCommand(
      new Command("show")
        .description("where the emission stands")
        .addHelpText("after", SHOW_HELP)
        .action(run(show)),
    )
    .addCommand(
      onEpoch(new Command("check").description("compute an epoch again from its receipts"))
        .addHelpText("after", CHECK_HELP)
        .action(run(check)),
    )
    .addCommand(
      onPool("challenge")
        .description("stop a root that waits and is wrong")
        .addHelpText("after", CHALLENGE_HELP)
        .action(run(challenge)),
    )
    .addCommand(
      onPool("drop")
        .description("let a challenged root fall, where governance was silent")
        .addHelpText("after", DROP_HELP)
        .action(run(drop)),
    )
    .addCommand(
      onEpoch(onPool("sign").description("this home's signature on a root, once it is checked"))
        .addHelpText("after", SIGN_HELP)
        .action(run(sign)),
    )
    .addCommand(
      onEpoch(onPool("post").description("bring a root onto the chain"))
        .option("--signature <list>", "of other members: PLACE:HEX, with commas between")
        .addHelpText("after", POST_HELP)
        .action(run(post)),
    );
}

async function show(context: Context): Promise<void> {
  const { screen, signal } = context;
  const view = await (await connectAsReader(context)).emission({ signal });
  screen.json(view);
  screen.line(`epoch ${view.running} runs until ${moment(view.endsAtUnixS)}, by the chain's clock`);
  for (const pool of view.pools) screen.line(sentenceOfPool(pool));
  if (view.epochs.length === 0) return;
  const columns = [
    { title: "epoch" },
    ...POOLS.map((pool) => ({ title: `given, all in all: ${pool}` })),
    { title: "file" },
  ];
  screen.line(table(columns, view.epochs.map(rowOf)));
}

function sentenceOfPool({ pool, paidNano, active, waiting }: PoolView): string {
  const pays = active === null ? "nothing is in force yet" : `epoch ${active.epoch} pays`;
  const next =
    waiting === null
      ? ""
      : `; epoch ${waiting.epoch} ${waiting.isChallenged ? "is challenged and waits for governance" : "waits"} until ${moment(waiting.untilUnixS)}`;
  return `${pool}: ${formatPingo(BigInt(paidNano))} paid; ${pays}${next}`;
}

function rowOf({ epoch, document, roots }: ClosedEpoch): readonly string[] {
  const totalOf = (pool: Pool): string => {
    const found = roots.find((root) => root.pool === pool);
    return found === undefined ? "" : formatPingo(BigInt(found.totalNano));
  };
  return [String(epoch), ...POOLS.map(totalOf), document];
}

/** @returns the exit code */
async function check(context: Context, command: Command): Promise<number> {
  const { screen } = context;
  const checked = await checkEpoch(context, await partsOf(context), epochOf(command));
  screen.json(jsonOf(checked));
  const { epoch, pools, findings } = checked;
  for (const finding of findings) screen.line(`${screen.paint("red", "✗")} ${finding}`);
  for (const { pool, computed, onChain, isRight, view } of pools) {
    if (!isRight) {
      const { pending } = view;
      if (pending?.epoch === epoch && pending.challenger === null)
        screen.line(
          `"pingo fog epoch challenge --pool ${pool}" stops it, until ${moment(pending.untilUnixS)} by the chain's clock`,
        );
      continue;
    }
    const where = onChain === null ? "not on chain" : "the same on chain";
    if (computed) screen.line(`${pool}: ${computed.root ?? "nobody is given anything"}, ${where}`);
  }
  if (findings.length > 0) return EXIT_FAULT;
  screen.line(`${screen.paint("green", "✓")} epoch ${epoch} is what its receipts come to`);
  return 0;
}

function jsonOf({ epoch, document, pools, findings }: CheckedEpoch): unknown {
  return {
    ...{ epoch, document, findings },
    pools: pools.map(({ pool, computed, onChain, isRight }) => ({
      pool,
      computedRoot: computed?.root ?? null,
      chainRoot: onChain === null ? null : hexOf(onChain.root),
      isRight,
    })),
  };
}

async function challenge(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const pool = poolOf(command);
  const challenged = await challengeRoot(context, await partsOf(context), pool);
  screen.json({ pool, ...challenged });
  const { how, untilUnixS } = challenged;
  screen.line(
    how === "proof" || untilUnixS === null
      ? `the root of ${pool} gave somebody less than before, and has fallen`
      : `the root of ${pool} is challenged: it falls on ${moment(untilUnixS)} unless governance upholds it before ("pingo vote list")`,
  );
}

async function drop(context: Context, command: Command): Promise<void> {
  const pool = poolOf(command);
  const epoch = await dropRoot(context, await openOwnChain(context), pool);
  context.screen.json({ pool, epoch });
  context.screen.line(
    `the challenged root of ${pool} of epoch ${epoch} has fallen; its bond is its challenger's again`,
  );
}

async function sign(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const pool = poolOf(command);
  const { epoch, root, signature } = await signRoot(context, await partsOf(context), pool, epochOf(command));
  const text = signatureText(signature);
  screen.json({ epoch, pool, root, signature: text });
  screen.line(text);
}

async function post(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const pool = poolOf(command);
  const others = parseSignatures(optionsOf(command).text("signature") ?? "");
  const { epoch, root } = await postRoot(context, await partsOf(context), {
    ...{ pool, others, epoch: epochOf(command) },
  });
  screen.json({ epoch, pool, root });
  screen.line(`the root of ${pool} of epoch ${epoch} is on chain, and waits for its window`);
}

async function partsOf(context: Context): Promise<RootParts> {
  return { client: await connectAsReader(context), chain: await openOwnChain(context) };
}

function epochOf(command: Command): number | undefined {
  return optionsOf(command).whole("epoch", { min: 1, max: EPOCH_MAX });
}

/** @throws {CliError} OPTION_INVALID */
function poolOf(command: Command): Pool {
  const text = optionsOf(command).text("pool") ?? "";
  const found = POOLS.find((pool) => pool === text);
  if (found !== undefined) return found;
  throw invalid("--pool", text, POOLS.join(" or "));
}

function invalid(option: string, value: string, expected: string): CliError {
  return new CliError({ code: "OPTION_INVALID", option, value: value.slice(0, 80), expected });
}
