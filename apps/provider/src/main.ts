/** The provider process; with the word "sensors", only what this computer tells of itself. */
import { becomeLean } from "./lean-process.ts";

await becomeLean(process.env);
const { runProvider, runSensors } = await import("./compose.ts");
const run = process.argv[2] === "sensors" ? runSensors : runProvider;
process.exit(
  await run(process.env, (line) =>
    process.stdout.write(`${line}
`),
  ),
);
