/** `pingo fog register`, `unbond`, `collect`: this home's fog node in the registry on chain. */
import { statfs } from "node:fs/promises";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { openOwnStake } from "../local/own-stake.ts";
import { optionsOf } from "../options.ts";
import { coresMax } from "./node-cores.ts";
import { nanoOf, tellStake } from "./node-stake.ts";

const REGISTER_HELP = `
The fog node's key signs that your wallet holds it; its size is this computer's cores and the room on its disk. It need not run. What is at stake is lost in part to a
verdict that anybody can check, and in whole to two contradicting statements of the key (docs/reference/contracts.md).

Examples:
  pingo fog register                       with what the registry asks for at least
  pingo fog register --stake 1000          1,000 PINGO more at stake`;
const UNBOND_HELP = `
It can still be lost until the registry's delay is over; "pingo fog collect" brings it home then.

Examples:
  pingo fog unbond 100`;
const COLLECT_HELP = `
Examples:
  pingo fog collect`;

export function fogRegisterCommand(run: Run): Command {
  return new Command("register")
    .description("your fog node's key, size and stake, in the registry on chain")
    .option(
      "--stake <amount>",
      "PINGO to put at stake beside what is there (default: what is missing to the minimum)",
    )
    .addHelpText("after", REGISTER_HELP)
    .action(run(register));
}

export function fogUnbondCommand(run: Run): Command {
  return new Command("unbond")
    .description("take PINGO out of your fog node's stake")
    .argument("<amount>", "PINGO, such as 100 or 0.5")
    .addHelpText("after", UNBOND_HELP)
    .action(
      run(async (context, command) => {
        const amountNano = nanoOf("<amount>", command.args[0] ?? "");
        tellStake(context, await (await openOwnStake(context, "fog")).unbond(amountNano));
      }),
    );
}

export function fogCollectCommand(run: Run): Command {
  return new Command("collect")
    .description("bring home what has left your fog node's stake")
    .addHelpText("after", COLLECT_HELP)
    .action(run(async (context) => tellStake(context, await (await openOwnStake(context, "fog")).collect())));
}

async function register(context: Context, command: Command): Promise<void> {
  const stake = optionsOf(command).text("stake");
  const asked = stake === undefined ? undefined : nanoOf("--stake", stake);
  const own = await openOwnStake(context, "fog");
  const stakedNano = (await own.view())?.stakedNano ?? 0n;
  const missingNano = own.minNano > stakedNano ? own.minNano - stakedNano : 0n;
  const { bavail, bsize } = await statfs(context.config.home);
  const size = { millicores: coresMax() * 1_000, bytes: bavail * bsize };
  tellStake(context, await own.register(size, asked ?? missingNano));
}
