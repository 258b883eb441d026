/** `pingo fog cases`, `slash`: work that tells against who did it, and what their stake loses. */
import { resolve } from "node:path";
import { formatPingo, parseCid, shortId } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader, connectAsUser } from "../context.ts";
import { convict, proveEquivocation, type Slashed } from "../local/slash.ts";
import { optionsOf } from "../options.ts";

const CASES_HELP = `
Kept are results that were signed twice for one lease, and results that did not come out again when the fog node repeated them. Of those the pay is taken back by itself;
a stake is not: look ("pingo audit verdict"), then decide ("pingo fog slash").

Examples:
  pingo fog cases
  pingo fog cases --json | jq .cases`;
const SLASH_HELP = `
One statement: the work is done again on this computer, and where it does not come out as it was handed in, the quorum's verdict on it is signed with the key of this
home's fog node; part of the stake is lost. Where the quorum wants more signatures, --order names a file that goes from member to member: each runs
the same command on it, and the last one sends it.

Two statements: signed for one lease with different results, they are proof by themselves. Anybody may show them; the key is barred for good, a twentieth of
what stands behind it goes to this home's wallet, the rest to contributors.

Examples:
  pingo fog slash bafy…                        as much as the registry allows
  pingo fog slash bafy… --millionths 50000     a twentieth of the stake
  pingo fog slash bafy… --order verdict.json   with other members of the quorum
  pingo fog slash bafy… bafy…                  two statements that contradict each other`;
const MILLIONTHS_MAX = 1_000_000;

export function fogCasesCommand(run: Run): Command {
  return new Command("cases")
    .description("work that tells against who did it")
    .addHelpText("after", CASES_HELP)
    .action(run(cases));
}

export function fogSlashCommand(run: Run): Command {
  return new Command("slash")
    .description("take a stake to account: by a verdict, or by two statements that contradict each other")
    .argument("<statement>", "CID of what the provider's key signed")
    .argument("[other]", "the other one, where it signed two")
    .option("--millionths <count>", "of the stake (default: as many as the registry allows)")
    .option("--order <file>", "where the quorum's signatures are gathered")
    .addHelpText("after", SLASH_HELP)
    .action(run(slash));
}

async function cases(context: Context): Promise<void> {
  const { screen, signal } = context;
  const found = await (await connectAsReader(context)).cases({ signal });
  screen.json({ cases: found });
  for (const { kind, provider, job, round, unit, atUnixMs, deviation, statements, verdict } of found) {
    const what = kind === "equivocation" ? "two results signed" : `${deviation} apart when done again`;
    screen.line(`${new Date(atUnixMs).toISOString()}  ${provider}`);
    screen.line(`   ${what}: job ${shortId(job)}, round ${round}, unit ${unit}`);
    if (verdict !== null) screen.line(`   case ${verdict}; pingo audit verdict ${verdict}`);
    if (statements.length > 0) screen.line(`   pingo fog slash ${statements.slice(0, 2).join(" ")}`);
  }
  if (found.length === 0) screen.line("nothing tells against anybody here");
}

async function slash(context: Context, command: Command): Promise<void> {
  const [first = "", second] = command.args;
  const one = parseCid(first);
  const options = optionsOf(command);
  const millionths = options.whole("millionths", { min: 1, max: MILLIONTHS_MAX });
  const order = options.text("order");
  if (second !== undefined)
    return tell(
      context,
      await proveEquivocation(context, await connectAsReader(context), [one, parseCid(second)]),
    );
  const orderPath = order === undefined ? undefined : resolve(order);
  // What proves it is put into the fog node's store.
  const client = await connectAsUser(context);
  tell(context, await convict(context, client, one, { millionths, orderPath }));
}

function tell({ screen }: Context, slashed: Slashed): void {
  const { provider, address, before, after, signatures, threshold } = slashed;
  const atStakeNano = (view: typeof before): bigint => view.stakedNano + view.unbondingNano;
  const lostNano = after === null ? 0n : atStakeNano(before) - atStakeNano(after);
  screen.json({
    ...{ provider, stake: address, isSent: after !== null, signatures, threshold },
    lostNano: lostNano.toString(),
    leftNano: atStakeNano(after ?? before).toString(),
    isBarred: (after ?? before).isBarred,
    convictions: (after ?? before).convictions,
  });
  if (after === null) {
    screen.line(`signed: ${signatures} of ${threshold}; hand the file to another member of the quorum`);
    return;
  }
  screen.line(`${provider} lost ${formatPingo(lostNano)}; ${formatPingo(atStakeNano(after))} is left`);
  if (after.isBarred) screen.line("its key is barred for good");
}
