import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Conversation } from "./conversation.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-conversation-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Counts its starts in a file. */
async function program(lines: string): Promise<Conversation> {
  const path = join(folder, "program");
  await writeFile(path, `#!/bin/sh\necho start >> '${folder}/starts'\n${lines}\n`, { mode: 0o755 });
  return new Conversation({ command: path, words: [], env: { PATH: String(process.env["PATH"]) } });
}
const starts = async () => (await readFile(join(folder, "starts"), "utf8")).split("\n").length - 1;

test("it is started once, and answers each time it is asked", async () => {
  const conversation = await program("n=0; echo 0; while read -r _; do n=$((n + 1)); echo $n; done");
  const said = [];
  for (let i = 0; i < 5; i++) said.push(await conversation.ask());
  expect(said).toEqual(["0", "1", "2", "3", "4"]);
  expect(await Promise.all([conversation.ask(), conversation.ask()])).toEqual(["5", "5"]);
  expect(await starts()).toBe(1);
});

test("one that ends after its answer is started anew, and one that says nothing is null", async () => {
  const once = await program("echo 900");
  expect(await once.ask()).toBe("900");
  await expect.poll(async () => ((await once.ask()) === "900" ? starts() : 0)).toBeGreaterThan(1);
  expect(await (await program("exit 1")).ask()).toBeNull();
  const missing = new Conversation({ command: join(folder, "nothing"), words: [], env: {} });
  expect(await missing.ask()).toBeNull();
});
