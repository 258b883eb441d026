/** The provider process. */
import { becomeLean } from "./lean-process.ts";

await becomeLean(process.env);
const { runProvider } = await import("./compose.ts");
process.exit(await runProvider(process.env, (line) => process.stdout.write(`${line}\n`)));
