import { formatPingo, shortId } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { ownKeys } from "../local/own-ids.ts";
import { optionsOf } from "../options.ts";
import { table } from "../view/table.ts";

const HELP = `
Amounts are what the fog node's books say; "pingo audit verify" computes them again from signed receipts.

Examples:
  pingo earnings                           what this home earned and spent
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
  const sum = (of: (books: (typeof found)[number]["books"]) => string): bigint =>
    found.reduce((total, { books }) => total + BigInt(of(books)), 0n);
  const earnedNano = sum(({ providerNano }) => providerNano);
  const ownerNano = sum((books) => books.ownerNano);
  const hasLines = optionsOf(command).flag("lines");
  const lines = found
    .flatMap(({ name, books }) => books.lines.map((line) => ({ ...line, name })))
    .sort((a, b) => b.transfer - a.transfer);
  screen.json({
    earnedNano: earnedNano.toString(),
    ownerNano: ownerNano.toString(),
    accounts: found.map(({ name, id, books }) => {
      const { ownerNano: owner, providerNano: provider, fogNano: fog } = books;
      return { name, id, ownerNano: owner, providerNano: provider, fogNano: fog };
    }),
    ...(hasLines && { lines }),
  });
  const row = (name: string, id: string, earned: bigint, jobs: bigint): readonly string[] => [
    name,
    id,
    formatPingo(earned),
    formatPingo(jobs),
  ];
  screen.line(
    table(
      [
        { title: "who" },
        { title: "id" },
        { title: "earned", align: "right" },
        { title: "for jobs", align: "right" },
      ],
      [
        ...found.map(({ name, id, books }) =>
          row(name, shortId(id), BigInt(books.providerNano), BigInt(books.ownerNano)),
        ),
        row("together", "", earnedNano, ownerNano),
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
