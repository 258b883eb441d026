/** `pingo job escrow …`: what waits on chain for a job, and what becomes of it where the two do not agree. */
import type { EscrowView } from "@pingo/contracts";
import { formatPingo, parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { type KnownEscrow, openKnownEscrow } from "../local/known-escrow.ts";
import { optionsOf } from "../options.ts";
import { nanoOf } from "./node-stake.ts";

const SHOW_HELP = `
Examples:
  pingo job escrow show bafy…           deposited, billed, and how long the present state lasts
  pingo job escrow show bafy… --json`;
const ACCEPT_HELP = `
"pingo train --follow" does it by itself; after "pingo job submit" the bill is paid when its hour is over, or at once with this.
The bill is computed again first, from your order and the signed receipts that it stands for; one that comes out differently is refused.

Examples:
  pingo job escrow accept bafy…`;
const DISPUTE_HELP = `
The quorum of fog nodes decides, within seven days, what of the bill is paid; if it is silent, everything is yours again.

Examples:
  pingo job escrow dispute bafy…`;
const ANSWER_HELP = `
Signed with the key of this home's fog node, which must be enough for the quorum, and sent by this home's wallet.

Examples:
  pingo job escrow answer bafy… --amount 0.4   that much is the fog node's, the rest the user's
  pingo job escrow answer bafy… --amount 0     everything is the user's`;
const CLOSE_HELP = `
Anyone may: an unbilled escrow after its deadline and a disputed one after seven days go back to the user, a bill is paid after its hour.

Examples:
  pingo job escrow close bafy…`;

const PAY_HELP = `
"pingo job escrow show" says what is owed. Anyone may, and pays the way.

Examples:
  pingo job escrow pay bafy…`;

type Act = (escrow: KnownEscrow, command: Command) => Promise<EscrowView>;

export function jobEscrowCommand(run: Run): Command {
  const command = (name: string, description: string, help: string, act: Act): Command =>
    new Command(name)
      .description(description)
      .argument("<job>", "job id")
      .addHelpText("after", help)
      .action(
        run(async (context, command) => {
          const escrow = await open(context, command);
          tell(context, escrow, await act(escrow, command));
        }),
      );
  return new Command("escrow")
    .description("a job's budget on chain: its bill, and a dispute about it")
    .addCommand(command("show", "where it stands", SHOW_HELP, (escrow) => escrow.view()))
    .addCommand(
      command("accept", "compute the bill again, and take it", ACCEPT_HELP, (escrow) => escrow.accept()),
    )
    .addCommand(command("dispute", "object to the bill", DISPUTE_HELP, (escrow) => escrow.dispute()))
    .addCommand(
      command("answer", "decide on a bill that its user disputes", ANSWER_HELP, (escrow, self) =>
        escrow.answer(amountOf(self)),
      ).requiredOption("--amount <amount>", "PINGO that the fog node gets, at most what it billed"),
    )
    .addCommand(command("close", "end what has run out", CLOSE_HELP, (escrow) => escrow.close()))
    .addCommand(command("pay", "pay again what a wallet sent back", PAY_HELP, (escrow) => escrow.payOwed()));
}

async function open(context: Context, command: Command): Promise<KnownEscrow> {
  const job = parseCid(command.args[0] ?? "");
  return openKnownEscrow(context, await connectAsReader(context), job);
}

function amountOf(command: Command): bigint {
  const text = optionsOf(command).text("amount");
  if (text === undefined)
    throw new CliError({ code: "USAGE", why: "--amount is missing", command: "pingo job escrow answer" });
  return nanoOf("--amount", text);
}

function tell({ screen }: Context, { address, user }: KnownEscrow, view: EscrowView): void {
  const { phase, untilUnixS, depositedNano, billedNano, evidence, owedNano } = view;
  const evidenceHex = evidence === 0n ? null : evidence.toString(16).padStart(64, "0");
  screen.json({
    ...{ address, user, phase, untilUnixS: phase === "closed" ? null : untilUnixS },
    depositedNano: depositedNano.toString(),
    billedNano: billedNano.toString(),
    evidence: evidenceHex,
    owedNano: owedNano.toString(),
  });
  const until = new Date(untilUnixS * 1000).toISOString();
  screen.line(`escrow     ${address}`);
  screen.line(`state      ${phase}${phase === "closed" ? "" : ` until ${until} by the chain's clock`}`);
  if (phase === "closed")
    screen.line(`paid       ${formatPingo(billedNano)} to the fog node, the rest to ${user}`);
  else {
    screen.line(`deposited  ${formatPingo(depositedNano)} by ${user}`);
    screen.line(`billed     ${phase === "open" ? "nothing yet" : formatPingo(billedNano)}`);
  }
  if (evidenceHex !== null) screen.line(`receipts   ${evidenceHex}`);
  if (owedNano > 0n) screen.line(`owed       ${formatPingo(owedNano)}, which a wallet sent back`);
}
