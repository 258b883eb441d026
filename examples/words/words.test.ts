import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { systemDisk } from "@pingo/core/system";
import { parseRunFile, prepareRun } from "@pingo/sdk";
import { expect, test } from "vitest";
import loadWabt from "wabt";

const folder = fileURLToPath(new URL(".", import.meta.url));

test("the module is what its text compiles to", async () => {
  const wabt = await loadWabt();
  const module = wabt.parseWat("count.wat", await readFile(`${folder}count.wat`, "utf8"));
  const { buffer } = module.toBinary({});
  expect(new Uint8Array(await readFile(`${folder}count.wasm`))).toEqual(new Uint8Array(buffer));
});

test("the job is valid, and has a piece for each text", async () => {
  const file = parseRunFile(await readFile(`${folder}job.yaml`, "utf8"), "job.yaml");
  const { inputs, pieces } = await prepareRun(file, { folder, disk: systemDisk });
  expect(pieces).toBe(2);
  expect(inputs.map(({ name }) => name)).toEqual(["job.txt", "network.txt"]);
});
