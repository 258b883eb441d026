/** What TON costs: one file for each case. */
import type { Row, Suite, SuiteOptions } from "../report.ts";
import { devnetCase } from "./devnet.ts";

interface Case {
  readonly name: string;
  run(say: (line: string) => void): Promise<readonly Row[]>;
}

const CASES: readonly Case[] = [devnetCase];

export const tonSuite: Suite = {
  name: "ton",
  about: "the devnet under several clients",
  run: runTonSuite,
};

async function runTonSuite(say: (line: string) => void, { cases }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const one of CASES) {
    if (cases.length === 0 || cases.includes(one.name)) rows.push(...(await one.run(say)));
  }
  return rows;
}
