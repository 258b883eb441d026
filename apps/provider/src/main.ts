/** The provider process. */
import { keepCompiledCode } from "./compile-cache.ts";

keepCompiledCode(process.env);
// After the cache is on: what is imported before is compiled without it.
const { runProvider } = await import("./compose.ts");
process.exit(await runProvider(process.env, (line) => process.stdout.write(`${line}\n`)));
