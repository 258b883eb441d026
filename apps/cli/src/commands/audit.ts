import { type EmissionReport, formatPingo } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { EXIT_FAULT } from "../exit-codes.ts";
import { auditVerdictCommand } from "./audit-verdict.ts";

const HELP = `
Every job's budget is read from its owner's signature and every pay computed from its provider's signed receipt; what verdicts on work that did not come
out again take back is computed from those. What the books say otherwise is told, one line each, and the exit code is 1. What strangers sent to the station is told too, and is no difference. Where jobs are paid on chain, every deposit, bill and payout of the books is
looked up in the transactions there, and the reverse; rewards are computed again from receipts, and compared with roots and claims on chain.

Examples:
  pingo audit verify
  pingo audit verify --json | jq .findings`;

export function auditCommand(run: Run): Command {
  return new Command("audit")
    .description("whether the money, and the work, is right")
    .addCommand(auditVerdictCommand(run))
    .addCommand(
      new Command("verify")
        .description("compute the fog node's books again from signed receipts")
        .addHelpText("after", HELP)
        .action(run(verify)),
    );
}

/** @returns the exit code */
async function verify(context: Context): Promise<number> {
  const { screen, signal } = context;
  const report = await (await connectAsReader(context)).audit({ signal });
  screen.json(report);
  const { jobs, receipts, transfers, paidNano, differences, findings, notes, chain, emission } = report;
  const { refuted, takenBackNano } = report;
  for (const { code, where, what } of findings)
    screen.line(`${screen.paint("red", code)}  ${where}: ${what}`);
  for (const { code, where, what } of notes) screen.line(`${code}  ${where}: ${what}`);
  const untold = differences - findings.length;
  if (untold > 0) screen.line(`and ${untold} more`);
  const onChain =
    chain === null
      ? ""
      : `; on chain ${chain.escrows} escrows, ${formatPingo(BigInt(chain.inNano))} in, ${chain.payouts} payouts, ${formatPingo(BigInt(chain.outNano))} out${backText(chain.backNano)}`;
  const refutedText =
    refuted === 0
      ? ""
      : `, ${refuted} ${refuted === 1 ? "verdict" : "verdicts"} that took ${formatPingo(BigInt(takenBackNano))} back`;
  const looked = `${jobs} jobs, ${receipts} receipts that come to ${formatPingo(BigInt(paidNano))}, ${transfers} transfers${refutedText}${onChain}${emission === null ? "" : emissionText(emission)}`;
  if (differences === 0) {
    screen.line(`${screen.paint("green", "✓ balanced")}: ${looked}`);
    return 0;
  }
  screen.line(`${differences} ${differences === 1 ? "difference" : "differences"} in ${looked}`);
  return EXIT_FAULT;
}

function emissionText({ epochs, givenNano, claimedNano }: EmissionReport): string {
  return `; rewards of ${epochs} ${epochs === 1 ? "epoch" : "epochs"}, ${formatPingo(BigInt(givenNano))} given, ${formatPingo(BigInt(claimedNano))} claimed`;
}

function backText(backNano: string): string {
  return backNano === "0"
    ? ""
    : `, of which ${formatPingo(BigInt(backNano))} came back and is to be paid again`;
}
