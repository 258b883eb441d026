/** Lines of a contract's assembly that the tests of one file ran, over all its chains. */
import { Coverage, collectAsmCoverage, Executor, type IExecutor } from "@ton/sandbox";
import { expect } from "vitest";
import { type ContractName, codeOf } from "../src/code.ts";
import { TestChain } from "../src/testing/index.ts";

const LINES_PERCENT_MIN = 95;
/** What the machine said while it ran, one string a run; only runs that came somewhere new, or reading them takes minutes. */
const logs: string[] = [];
const seenPlaces = new Set<string>();
const PLACE = /code cell hash: \w+ offset: \d+/g;

/** A chain whose instructions are counted. */
export async function startCoveredChain(): Promise<TestChain> {
  const chain = await TestChain.start(listening(await Executor.create()));
  chain.blockchain.verbosity = { ...chain.blockchain.verbosity, print: false, vmLogs: "vm_logs_verbose" };
  return chain;
}

export function expectCovered(...contracts: readonly ContractName[]): void {
  for (const contract of contracts) {
    const code = codeOf(contract);
    const hash = code.hash().toString("hex").toUpperCase();
    const own = logs.filter((log) => log.includes(hash));
    const coverage = new Coverage(collectAsmCoverage(code, own.join("\n")));
    const missed = coverage.data.lines.flatMap(({ line, info }, index) =>
      info.$ === "Uncovered" ? [`${index + 1}: ${line}`] : [],
    );
    const percent = coverage.summary().coveragePercentage;
    expect(percent, `${contract} misses\n${missed.join("\n")}`).toBeGreaterThanOrEqual(LINES_PERCENT_MIN);
  }
}

function keep(log: string): void {
  const before = seenPlaces.size;
  for (const [place] of log.matchAll(PLACE)) seenPlaces.add(place);
  if (seenPlaces.size > before) logs.push(log);
}

function listening(executor: IExecutor): IExecutor {
  return {
    runGetMethod: async (args) => {
      const answer = await executor.runGetMethod(args);
      if (answer.output.success) keep(answer.output.vm_log);
      return answer;
    },
    runTickTock: async (args) => await executor.runTickTock(args),
    runTransaction: async (args) => {
      const answer = await executor.runTransaction(args);
      if (answer.result.success) keep(answer.result.vmLog);
      return answer;
    },
  };
}
