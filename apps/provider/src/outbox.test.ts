import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { systemDisk } from "@pingo/core/system";
import { codeOf, leaseOf, outboxCompliance, resultOf } from "@pingo/lending/testing";
import { expect, test } from "vitest";
import { openOutbox } from "./outbox.ts";

const WRITER = fileURLToPath(new URL("../test/outbox-writer.ts", import.meta.url));
const LIVES = 4;

async function makeFolder() {
  const folder = await mkdtemp(join(tmpdir(), "pingo-outbox-"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

outboxCompliance("a SQLite outbox", async () => {
  const place = await makeFolder();
  const opened = new DisposableStack();
  return {
    open: async (slotsKept) => opened.use(openOutbox(place.folder, systemDisk, slotsKept)),
    async [Symbol.asyncDispose]() {
      opened.dispose();
      await place[Symbol.asyncDispose]();
    },
  };
});

test("results leave oldest first", async () => {
  await using place = await makeFolder();
  using outbox = openOutbox(place.folder, systemDisk);
  for (const number of [3, 1, 2]) await outbox.put(resultOf(leaseOf(number)));
  expect(outbox.waiting(2)).toEqual([resultOf(leaseOf(3)), resultOf(leaseOf(1))]);
});

test("after kill -9 in the midst of it, whatever was put is there, and nothing else is signed in its slot", async () => {
  await using place = await makeFolder();
  for (let life = 0; life < LIVES; life++) {
    const writer = spawn(process.execPath, [WRITER, place.folder, String(life)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const put: number[] = [];
    const exited = once(writer, "exit");
    for await (const line of createInterface(writer.stdout)) {
      put.push(Number(line));
      if (put.length === 10 + life) writer.kill("SIGKILL");
    }
    await exited;
    using outbox = openOutbox(place.folder, systemDisk);
    const statements = new Map(
      outbox.waiting(10_000).map(({ receipt, statement }) => [receipt.body.lease, statement]),
    );
    for (const number of put) {
      const lease = leaseOf(number);
      // The life before may have signed in it.
      const answers = Array.from({ length: LIVES }, (_, answer) => resultOf(lease, answer));
      const own = answers.findIndex(({ statement }) => {
        return String(statement?.commitment) === String(statements.get(lease.id)?.commitment);
      });
      expect(own).toBeGreaterThanOrEqual(0);
      for (const [answer, result] of answers.entries())
        expect(await codeOf(async () => outbox.put(result))).toBe(answer === own ? "done" : "SLOT_SIGNED");
    }
  }
});
