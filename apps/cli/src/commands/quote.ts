import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatDuration, formatPingo, parseShape } from "@pingo/core";
import type { PreparedJob } from "@pingo/sdk";
import { Command } from "commander";
import { z } from "zod";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { loadJob } from "../load-job.ts";
import { optionsOf } from "../options.ts";
import { table } from "../view/table.ts";

const HELP = `
A few of the job's steps are taken here, on one thread, for five seconds at most; what they took, times all steps of the job, is its CPU
time. The market is what the fog node's last receipts were paid for theirs. Cloud prices are published ones, with date and source.

Examples:
  pingo quote job.yaml
  pingo quote job.yaml --json | jq -r .marketNano`;

const MEASURE_MS_MAX = 5_000;
const MEASURE_STEPS = 256;
const MS_PER_HOUR = 3_600_000;
const PRICES = new URL("../quote/cloud-prices.json", import.meta.url);

const zPrices = z.strictObject({
  kind: z.literal("pingo/cloud-prices/v1"),
  note: z.string(),
  prices: z.array(
    z.strictObject({
      cloud: z.string(),
      machine: z.string(),
      vcpus: z.number().positive(),
      perHour: z.number().positive(),
      currency: z.enum(["USD", "EUR"]),
      asOf: z.iso.date(),
      source: z.url(),
    }),
  ),
});

export function quoteCommand(run: Run): Command {
  return new Command("quote")
    .description("what a job costs: here by the market, and in the cloud")
    .argument("<file>", "job file (YAML or JSON)")
    .option("--workers <number>", "how many work on it (default: as many as the job file takes)")
    .addHelpText("after", HELP)
    .action(run(quote));
}

async function quote(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const prepared = await loadJob(context, command.args[0] ?? "");
  const { schedule, workers: wanted, budgetNano, name } = prepared.file;
  const workers = optionsOf(command).whole("workers", { min: wanted.min, max: wanted.max }) ?? wanted.max;
  const market = await (await connectAsReader(context)).market({ signal });
  const msPerStep = await measure(context, prepared);
  const steps = schedule.rounds * schedule.stepsPerRound * workers;
  const cpuMs = steps * msPerStep;
  const marketNano =
    market.cpuMs > 0
      ? (BigInt(market.paidNano) * BigInt(Math.ceil(cpuMs))) / BigInt(Math.ceil(market.cpuMs))
      : null;
  const clouds = (await readPrices()).map((price) => ({
    ...price,
    cost: (price.perHour / price.vcpus) * (cpuMs / MS_PER_HOUR),
  }));
  screen.json({
    name,
    steps,
    cpuMs: Math.round(cpuMs),
    budgetNano,
    marketNano: marketNano?.toString() ?? null,
    market,
    clouds,
  });
  screen.line(
    `${name}: ${steps} steps by ${workers} workers, ${formatDuration(cpuMs)} of one core like this one's`,
  );
  screen.line(`budget in the job file: ${formatPingo(BigInt(budgetNano))}`);
  screen.line(
    marketNano === null
      ? "market: nothing was paid for at this fog node yet"
      : `market: ${formatPingo(marketNano)}, by the last ${market.receipts} receipts; ${market.freeSlots} of ${market.slots} slots are free`,
  );
  screen.line("");
  screen.line(
    table(
      [{ title: "cloud" }, { title: "machine" }, { title: "cost", align: "right" }, { title: "as of" }],
      clouds.map(({ cloud, machine, cost, currency, asOf }) => [
        cloud,
        machine,
        `${costText(cost)} ${currency}`,
        asOf,
      ]),
    ),
  );
  screen.line(screen.paint("dim", "by vCPU time alone, billed by the second; sources: --json"));
}

/** CPU time of one step, on one thread. */
async function measure({ ports, signal, config }: Context, prepared: PreparedJob): Promise<number> {
  const { trainHere } = await import("@pingo/sdk");
  // Steps of the network keep no mean: it is taken by round.
  const { average: _, ...file } = prepared.file;
  const { schedule } = file;
  const few = { ...schedule, rounds: 1, stepsPerRound: Math.min(MEASURE_STEPS, schedule.stepsPerRound) };
  const job: PreparedJob = { ...prepared, file: { ...file, schedule: few } };
  const { metrics, trainedMs } = await trainHere(job, {
    scratchFolder: join(config.home, "local", ".quote"),
    isEvaluated: false,
    clock: ports.clock,
    signal: AbortSignal.any([signal, AbortSignal.timeout(MEASURE_MS_MAX)]),
  });
  signal.throwIfAborted();
  const steps = metrics.reduce((sum, metric) => sum + metric.steps, 0);
  return trainedMs / Math.max(1, steps);
}

async function readPrices(): Promise<z.infer<typeof zPrices>["prices"]> {
  return parseShape(zPrices, JSON.parse(await readFile(PRICES, "utf8")), "cloud-prices.json").prices;
}

function costText(cost: number): string {
  return cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2);
}
