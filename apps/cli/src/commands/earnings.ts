import { type BooksView, formatPingo, shortId } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { ownKeys } from "../local/own-ids.ts";
import { optionsOf } from "../options.ts";
import { table } from "../view/table.ts";

const HELP = `
Amounts are what the fog node's books say; "pingo audit verify" computes them again from signed receipts.

Examples:
  pingo earnings                           what this home earned, what of it went to its wallet, and what its jobs cost
  pingo earnings --lines                   and what moved it, newest first
  pingo earnings --json | jq -r .earnedNano`;

export function earningsCommand(run: Run): Command {
  return new Command("earnings")
    .description("what this computer earned, and what your jobs cost")
    .option("--lines", "the movements too")
    .addHelpText("after", HELP)
    .action(run(earnings));
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
    })),
  );
  const sum = (of: (books: BooksView) => bigint): bigint =>
    found.reduce((total, { books }) => total + of(books), 0n);
  const earned = sum(({ earnedNano }) => BigInt(earnedNano));
  const paidOut = sum(({ paidOutNano }) => BigInt(paidOutNano));
  const toCome = sum(toComeOf);
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
    spentNano: spent.toString(),
    ownerNano: ownerNano.toString(),
    accounts: found.map(({ name, id, books: { lines: _, ...sums } }) => ({ name, id, ...sums })),
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
