/**
 * What the contracts' programs measured: vouchers, a root for a million owners, what a job costs on chain.
 *
 * They run where the sandbox is, in processes of their own, so that memory and CPU time are theirs alone.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type Row, row } from "../report.ts";

const PROGRAMS = new URL("../../../packages/contracts/test/bench/", import.meta.url);
const GIGABYTE = 1_000_000_000;
const GRAM_MAX = 0.01;

const zVouchers = z.object({ ours: z.number(), theirs: z.number() });
const zRoot = z.object({
  owners: z.number(),
  rootMs: z.number(),
  proofMs: z.number(),
  proofMsMost: z.number(),
  peakBytes: z.number(),
  claimGas: z.number(),
});
const zJobs = z.array(z.object({ name: z.string(), openedGram: z.number(), settledGram: z.number() }));

export const voucherCase = { name: "voucher", run: runVoucher };
export const distributorCase = { name: "distributor", run: runDistributor };
export const jobCase = { name: "job", run: runJob };

async function runVoucher(): Promise<readonly Row[]> {
  const { ours, theirs } = zVouchers.parse(await outputOf("voucher.ts"));
  const of = { case: "voucher desk", metric: "vouchers checked per CPU second", value: ours, unit: "1/s" };
  return [
    row(of, null, { relation: "≥", bound: 5_000 }),
    row(of, { name: "@ton/crypto 3.3.0", value: theirs }, null),
  ];
}

async function runDistributor(): Promise<readonly Row[]> {
  const said = zRoot.parse(await outputOf("distributor-root.ts"));
  const of = { case: `distributor, ${said.owners.toLocaleString("en")} owners` };
  return [
    row({ ...of, metric: "root from the list of owners", value: said.rootMs / 1000, unit: "s" }, null, {
      relation: "≤",
      bound: 60,
    }),
    row({ ...of, metric: "peak resident", value: said.peakBytes / GIGABYTE, unit: "GB" }, null, {
      relation: "≤",
      bound: 2,
    }),
    row({ ...of, metric: "proof, median of 1,000", value: said.proofMs, unit: "ms" }, null, {
      relation: "≤",
      bound: 5,
    }),
    row({ ...of, metric: "proof, 99 of 100 within", value: said.proofMsMost, unit: "ms" }, null, null),
    row({ ...of, metric: "claim, the check of its proof", value: said.claimGas, unit: "gas" }, null, {
      relation: "≤",
      bound: 15_000,
    }),
  ];
}

async function runJob(): Promise<readonly Row[]> {
  const target = { relation: "≤", bound: GRAM_MAX } as const;
  return zJobs.parse(await outputOf("job.ts")).flatMap(({ name, openedGram, settledGram }) => {
    const of = { case: `job by ${name}`, unit: "GRAM" };
    return [
      row({ ...of, metric: "opened and funded", value: openedGram }, null, target),
      row({ ...of, metric: "settled, rest returned", value: settledGram }, null, target),
    ];
  });
}

async function outputOf(program: string): Promise<unknown> {
  const path = fileURLToPath(new URL(program, PROGRAMS));
  const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const stdout = await text(child.stdout);
  const [code] = await exited;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return JSON.parse(stdout);
}
