/** The provider process; with the word "sensors", only what this computer tells of itself. */
import { becomeLean } from "./lean-process.ts";

const isSensing = process.argv[2] === "sensors";
// A process that ends at once has nothing to gain from it.
if (!isSensing) await becomeLean(process.env);
const { runProvider, runSensors } = await import("./compose.ts");
const run = isSensing ? runSensors : runProvider;
process.exit(
  await run(process.env, (line) =>
    process.stdout.write(`${line}
`),
  ),
);
