/** What TON costs: one file for each case. */
import type { Row, Suite, SuiteOptions } from "../report.ts";
import { distributorCase, jobCase, voucherCase } from "./contracts.ts";
import { devnetCase } from "./devnet.ts";

interface Case {
  readonly name: string;
  run(say: (line: string) => void): Promise<readonly Row[]>;
}

const CASES: readonly Case[] = [voucherCase, distributorCase, jobCase, devnetCase];

export const tonSuite: Suite = {
  name: "ton",
  about: "vouchers, roots, claims, what a job costs on chain, and the devnet under several clients",
  cases: CASES.map(({ name }) => name),
  run: runTonSuite,
};

async function runTonSuite(say: (line: string) => void, { cases }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const one of CASES) {
    if (cases.length === 0 || cases.includes(one.name)) rows.push(...(await one.run(say)));
  }
  return rows;
}
