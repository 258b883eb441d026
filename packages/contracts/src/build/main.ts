/**
 * Writes src/code.gen.ts: the compiled code of every contract whose sources changed.
 *
 * Usage: npm run contracts
 */
import { writeFileSync } from "node:fs";
import { COMPILED } from "../code.gen.ts";
import { type Compiled, compileContract, contractNames, sourceHashOf } from "./compile.ts";

const known: Readonly<Record<string, Compiled>> = COMPILED;
const rows: string[] = [];
for (const name of contractNames()) {
  const before = known[name];
  const isFresh = before?.sourceHash === (await sourceHashOf(name));
  const compiled = before && isFresh ? before : await compileContract(name);
  process.stderr.write(
    `${isFresh ? "fresh   " : "compiled"} ${name} ${Buffer.from(compiled.codeBase64, "base64").length} B\n`,
  );
  rows.push(
    `  "${name}": {`,
    `    codeBase64: "${compiled.codeBase64}",`,
    `    codeHash: "${compiled.codeHash}",`,
    `    sourceHash: "${compiled.sourceHash}",`,
    "  },",
  );
}
writeFileSync(
  new URL("../code.gen.ts", import.meta.url),
  `/** Written by src/build/main.ts from tolk/; a test fails when it is stale. */\nexport const COMPILED = {\n${rows.join("\n")}\n} as const;\n`,
);
