/** `pingo node register`, `unbond`, `collect`: this provider in the registry on chain. */
import type { StakeView } from "@pingo/contracts";
import { parsePingo } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { ownKeys } from "../local/own-ids.ts";
import { readSize } from "../local/own-provider.ts";
import { type LentSize, type OwnStake, openOwnStake, stakeLines } from "../local/own-stake.ts";
import { optionsOf } from "../options.ts";
import { coresMax } from "./node-cores.ts";

const REGISTER_HELP = `
The provider's key signs that your wallet holds it; its size is what you lend at most ("pingo node size"). What is at stake is lost in part to a verdict that anybody
can check, and in whole to two contradicting statements of the key (docs/reference/contracts.md).

Examples:
  pingo node register                      with what the registry asks for at least
  pingo node register --stake 100          100 PINGO more at stake
  pingo node join --stake 100              the same as soon as the provider runs`;
const UNBOND_HELP = `
It can still be lost until the registry's delay is over; "pingo node collect" brings it home then.

Examples:
  pingo node unbond 100
  pingo node unbond 0.5 --json`;
const COLLECT_HELP = `
What your PINGO wallet could not take, and sent back to the stake, is paid again by it.

Examples:
  pingo node collect`;

export function nodeRegisterCommand(run: Run): Command {
  return new Command("register")
    .description("your provider's key, size and stake, in the registry on chain")
    .option(
      "--stake <amount>",
      "PINGO to put at stake beside what is there (default: what is missing to the minimum)",
    )
    .addHelpText("after", REGISTER_HELP)
    .action(
      run(async (context, command) => {
        await registerNode(context, optionsOf(command).text("stake"));
      }),
    );
}

export function nodeUnbondCommand(run: Run): Command {
  return new Command("unbond")
    .description("take PINGO out of your provider's stake")
    .argument("<amount>", "PINGO, such as 100 or 0.5")
    .addHelpText("after", UNBOND_HELP)
    .action(
      run(async (context, command) => {
        const amountNano = nanoOf("<amount>", command.args[0] ?? "");
        tellStake(context, await (await openStake(context)).unbond(amountNano));
      }),
    );
}

export function nodeCollectCommand(run: Run): Command {
  return new Command("collect")
    .description("bring home what has left your provider's stake")
    .addHelpText("after", COLLECT_HELP)
    .action(run(async (context) => tellStake(context, await (await openStake(context)).collect())));
}

/** @param stake as it was typed; undefined: what is missing to the registry's minimum */
export async function registerNode(
  context: Context,
  stake: string | undefined,
  cores?: number,
): Promise<void> {
  const asked = stake === undefined ? undefined : nanoOf("--stake", stake);
  const own = await openStake(context);
  const before = await own.view();
  const stakedNano = before?.stakedNano ?? 0n;
  const missingNano = own.minNano > stakedNano ? own.minNano - stakedNano : 0n;
  const millicores = cores === undefined ? Number(before?.millicores ?? 0n) : cores * 1_000;
  const size = await lentSize(context, millicores || coresMax() * 1_000);
  tellStake(context, await own.register(size, asked ?? missingNano));
}

function openStake(context: Context): Promise<OwnStake> {
  return openOwnStake(context, "provider");
}

/** At most, as its owner set it: what is offered at this moment may be nothing, because its owner works. */
async function lentSize(context: Context, millicoresMax: number): Promise<LentSize> {
  const provider = (await ownKeys(context)).find(({ name }) => name === "provider");
  const providers = await (await connectAsReader(context)).providers({ signal: context.signal });
  const offered = providers.find(({ id }) => id === provider?.key.nodeId);
  if (offered === undefined) throw new CliError({ code: "NOT_LENDING", fog: context.fogUrl });
  const { millicores } = await readSize(context);
  return { millicores: Math.min(millicores ?? millicoresMax, millicoresMax), bytes: offered.diskBytes };
}

export function tellStake({ screen }: Context, view: StakeView): void {
  screen.json({
    owner: view.owner?.toRawString() ?? null,
    millicores: Number(view.millicores),
    bytes: Number(view.bytes),
    stakedNano: view.stakedNano.toString(),
    unbondingNano: view.unbondingNano.toString(),
    unbondsAtUnixS: view.unbondsAtUnixS,
    owedNano: view.owedNano.toString(),
  });
  for (const line of stakeLines(view)) screen.line(line);
}

export function nanoOf(option: string, text: string): bigint {
  if (/^\d{1,10}(\.\d{1,9})?$/.test(text)) return parsePingo(`${text} PINGO`);
  throw new CliError({
    code: "OPTION_INVALID",
    option,
    value: text.slice(0, 64),
    expected: "PINGO, such as 100 or 0.5",
  });
}
