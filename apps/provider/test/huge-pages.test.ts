/** A worker behind its walls gets the pages it asks for: seen from outside, in the kernel's own list of its memory. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HUGE_PAGES_FOLDER } from "@pingo/core/malloc";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findLauncher } from "../src/worker/launcher.ts";
import { channelTo } from "../src/worker/worker-channel.ts";

const HOLDER = fileURLToPath(new URL("./escape/holder.ts", import.meta.url));
/** Elsewhere the kernel gives them to nobody, or to everybody without being asked. */
const isAsked = (await readFile(join(HUGE_PAGES_FOLDER, "enabled"), "utf8").catch(() => "")).includes(
  "[madvise]",
);

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-pages-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test.runIf(isAsked)("a worker's large blocks are in huge pages", async () => {
  const launcher = await findLauncher({
    environment: { PATH: String(process.env["PATH"]) },
    folders: {
      blocks: join(home, "blocks"),
      updates: join(home, "updates"),
      compileCache: join(home, "compile-cache"),
    },
    log: silentLog,
    entry: HOLDER,
  });
  const pid = Promise.withResolvers<number>();
  const child = launcher.start({ onPid: pid.resolve });
  const holds = Promise.withResolvers<unknown>();
  const onOver = (): void => undefined; // its exit tells
  channelTo(child, { lineBytesMax: 1_024, onValue: holds.resolve, onOver });
  child.once("exit", () => holds.reject(new Error("it ended before it held anything")));
  try {
    expect(await holds.promise).toEqual({ holdsBytes: 64 * 2 ** 20 });
    const maps = await readFile(`/proc/${await pid.promise}/smaps`, "utf8");
    const huge = [...maps.matchAll(/^AnonHugePages:\s+(\d+) kB$/gm)].reduce(
      (sum, [, kib]) => sum + Number(kib),
      0,
    );
    // Of 64 MiB; a machine short of whole pages gives small ones in between.
    expect(huge).toBeGreaterThan(8 * 2 ** 10);
  } finally {
    child.kill("SIGKILL");
  }
});
