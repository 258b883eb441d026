/**
 * Runs one benchmark suite, each case interleaved with its peers, and prints a table or one JSON line.
 *
 * Usage: npm run bench -- SUITE [CASE…] [--json | --profile]
 */
import { autogradSuite } from "./autograd/suite.ts";
import { idleSuite } from "./idle/suite.ts";
import { networkSuite } from "./network.ts";
import { machineName, type Report, refusalOf, type Suite, tableOf } from "./report.ts";
import { tonSuite } from "./ton/suite.ts";

const SUITES: readonly Suite[] = [autogradSuite, idleSuite, networkSuite, tonSuite];

const args = process.argv.slice(2);
const json = args.includes("--json");
const [first, ...cases] = args.filter((arg) => !arg.startsWith("-"));
const suite = SUITES.find(({ name }) => name === first);
const refusal = suite && refusalOf(suite, cases);

if (refusal !== undefined) {
  console.error(refusal);
  process.exitCode = 1;
} else if (suite?.profile !== undefined && args.includes("--profile")) {
  console.log(await suite.profile({ cases }));
} else if (suite) {
  const rows = await suite.run((line) => console.error(line), { cases });
  const report: Report = { suite: suite.name, machine: machineName(), rows };
  if (json) console.log(JSON.stringify(report));
  else console.log(`${report.suite} on ${report.machine}\n\n${tableOf(report)}`);
} else {
  console.error(`name a suite: npm run bench -- SUITE [CASE…] [--json | --profile]\n`);
  for (const { name, about } of SUITES) console.error(`  ${name.padEnd(12)} ${about}`);
  process.exitCode = 1;
}
