import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compileContract, contractNames, sourceHashOf } from "../src/build/compile.ts";
import { COMPILED } from "../src/code.gen.ts";
import { type ContractName, codeOf } from "../src/code.ts";
import { EXIT_CODES, MACHINE_EXIT_CODES, sentenceOfExitCode } from "../src/exit-codes.ts";

// SAFETY: Object.keys of a literal are its keys.
const NAMES = Object.keys(COMPILED) as ContractName[];

test("every contract of tolk/ is compiled, and nothing else", () => {
  expect(NAMES).toEqual(contractNames());
});

test.each(NAMES)("the committed code of %s is what its sources compile to", async (name) => {
  const compiled = await compileContract(name);
  expect(COMPILED[name], "run npm run contracts").toEqual(compiled);
  expect(codeOf(name).hash().toString("hex")).toBe(compiled.codeHash);
  expect(await sourceHashOf(name)).toBe(compiled.sourceHash);
});

test("every exit code of the sources has a sentence, and every sentence a source", () => {
  const source = readFileSync(new URL("../tolk/errors.tolk", import.meta.url), "utf8");
  const inSources = [...source.matchAll(/^const ERR_(\w+) = (\w+)$/gm)].map(([, name, code]) => [
    Number(code),
    name,
  ]);
  const inTable = Object.entries(EXIT_CODES).map(([code, { name }]) => [Number(code), name]);
  expect(inTable.sort()).toEqual(inSources.sort());
  const reference = readFileSync(new URL("../../../docs/reference/contracts.md", import.meta.url), "utf8");
  for (const [code, { name, sentence }] of Object.entries({ ...EXIT_CODES, ...MACHINE_EXIT_CODES })) {
    expect(reference).toContain(`| ${code} | ${name} | ${sentence} |`);
  }
  for (const code of Object.keys({ ...EXIT_CODES, ...MACHINE_EXIT_CODES })) {
    expect(sentenceOfExitCode(Number(code))).not.toContain("exit code");
  }
  expect(sentenceOfExitCode(4711)).toContain("4711");
});
