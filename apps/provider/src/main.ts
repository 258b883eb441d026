/** The provider process; with the word "sensors" or "bench", only what this computer tells of itself, or how fast it is. */
import { agentBundle } from "./agent-bundle.ts";
import { becomeLean } from "./lean-process.ts";

const word = process.argv[2];
const bundle = agentBundle();
// A process that ends at once has nothing to gain from it.
if (word === undefined) await becomeLean(process.env, bundle);
// SAFETY: a bundle is made of that file, with all its exports.
const agent: typeof import("./compose.ts") = await import(bundle?.urls[0] ?? "./compose.ts");
const { runBench, runProvider, runSensors } = agent;
const run = word === "sensors" ? runSensors : word === "bench" ? runBench : runProvider;
process.exit(
  await run(process.env, (line) =>
    process.stdout.write(`${line}
`),
  ),
);
