/** The provider process; with the word "sensors" or "bench", only what this computer tells of itself, or how fast it is. */
import { becomeLean } from "./lean-process.ts";

const word = process.argv[2];
// A process that ends at once has nothing to gain from it.
if (word === undefined) await becomeLean(process.env);
const { runBench, runProvider, runSensors } = await import("./compose.ts");
const run = word === "sensors" ? runSensors : word === "bench" ? runBench : runProvider;
process.exit(
  await run(process.env, (line) =>
    process.stdout.write(`${line}
`),
  ),
);
