/** The provider process. */
import { runLean } from "./lean-process.ts";

runLean(process.env);
const { runProvider } = await import("./compose.ts");
process.exit(await runProvider(process.env, (line) => process.stdout.write(`${line}\n`)));
