/** `pingo audit verdict`: a piece of work done again by whoever asks. */
import { cidOfValue, commitmentOf, parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { EXIT_FAULT } from "../exit-codes.ts";
import { withVerdict } from "../local/verdict.ts";

const HELP = `
A job's provenance.json names a statement and a receipt for each result, "pingo fog cases" the statements that tell against somebody. Unit, inputs and the result
handed in are fetched by what they are named, every signature is verified, and the work is done again on this computer: nothing that the fog node says is
believed. Exit code 0: it comes out as it was handed in; 1: it does not. That convicts nobody by itself ("pingo fog slash").

Examples:
  pingo audit verdict bafy…              a statement, a receipt, or somebody else's verdict
  pingo audit verdict bafy… --json`;

export function auditVerdictCommand(run: Run): Command {
  return new Command("verdict")
    .description("do a provider's work again and say whether it comes out the same")
    .argument("<result>", "CID of its statement, its receipt, or a verdict on it")
    .addHelpText("after", HELP)
    .action(run(verdict));
}

/** @returns the exit code */
async function verdict(context: Context, command: Command): Promise<number> {
  const { screen } = context;
  const about = parseCid(command.args[0] ?? "");
  return withVerdict(context, await connectAsReader(context), about, async (found) => {
    const { receipt, statement, deviation, tolerance, isContradicted, reexecuted, update } = found;
    const { provider, lease, steps, unit, update: claimed } = receipt;
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    screen.json({
      ...{ provider, lease, unit, steps, deviation, tolerance, isContradicted },
      statement: statement && cidOfValue(statement),
      claimed: { update: claimed, commitment: hex(commitmentOf(receipt)) },
      reexecuted: { update, commitment: hex(reexecuted) },
    });
    const apart = `${deviation} apart, ${tolerance} allowed`;
    screen.line(`provider   ${provider}`);
    screen.line(`handed in  ${claimed}, ${steps} ${steps === 1 ? "step" : "steps"}`);
    screen.line(`again      ${update}`);
    screen.line(
      isContradicted
        ? `${screen.paint("red", "✗ contradicted")}: ${apart}`
        : `${screen.paint("green", "✓ the same work")}: ${apart}`,
    );
    return isContradicted ? EXIT_FAULT : 0;
  });
}
