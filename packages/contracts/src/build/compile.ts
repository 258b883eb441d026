/**
 * Compiles the Tolk sources of this package.
 *
 * A contract is an entry file in tolk/ that handles messages; the others are imported by them. Same sources and
 * compiler, same code: `sourceHash` names both, so what is compiled already is not compiled again.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FaultError } from "@pingo/core";
import { getTolkCompilerVersion, runTolkCompiler } from "@ton/tolk-js";

export interface Compiled {
  readonly codeBase64: string;
  readonly codeHash: string;
  readonly sourceHash: string;
}

export type CompileFault = { readonly code: "TOLK"; readonly contract: string; readonly message: string };

export class CompileError extends FaultError<CompileFault> {
  override readonly name = "CompileError";

  constructor(fault: CompileFault) {
    super(fault, {
      TOLK: ({ contract, message }) =>
        `${contract}.tolk does not compile: ${message}; correct the source and compile again`,
    });
  }
}

const SOURCES = fileURLToPath(new URL("../../tolk/", import.meta.url));
const IMPORT = /^import "([^@"][^"]*)"/gm;

/** Names of all contracts, sorted: files of tolk/ that handle messages. */
export function contractNames(): readonly string[] {
  return readdirSync(SOURCES)
    .filter((file) => file.endsWith(".tolk") && /^fun onInternalMessage\(/m.test(read(file)))
    .map((file) => file.slice(0, -".tolk".length))
    .sort();
}

export async function compileContract(contract: string): Promise<Compiled> {
  const result = await runTolkCompiler({ entrypointFileName: `${contract}.tolk`, fsReadCallback: read });
  if (result.status === "error") {
    throw new CompileError({ code: "TOLK", contract, message: firstError(result.message) });
  }
  return {
    codeBase64: result.codeBoc64,
    codeHash: result.codeHashHex.toLowerCase(),
    sourceHash: await sourceHashOf(contract),
  };
}

/** Hash of the compiler's version and of every file that the contract imports. */
export async function sourceHashOf(contract: string): Promise<string> {
  const hash = createHash("sha256").update(await getTolkCompilerVersion());
  for (const file of [...importsOf(`${contract}.tolk`)].sort()) hash.update(`\0${file}\0${read(file)}`);
  return hash.digest("hex");
}

function importsOf(file: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name = ""] of read(file).matchAll(IMPORT)) importsOf(`${name}.tolk`, seen);
  return seen;
}

function read(file: string): string {
  return readFileSync(join(SOURCES, file.endsWith(".tolk") ? file : `${file}.tolk`), "utf8");
}

// The first error with its line; the others mostly follow from it.
function firstError(message: string): string {
  return message.split("\n\n")[0] ?? message;
}
