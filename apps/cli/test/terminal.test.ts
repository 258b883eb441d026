/** What a person sees: `pingo up` in a terminal, from its first line to Ctrl-C. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectNothingLeft, expectRefused, pingo, processesOf } from "./pingo.ts";
import { openTerminal } from "./terminal.ts";
import { writeTinyJob } from "./tiny-job.ts";

const RUN_TIMEOUT_MS = 170_000;
const STOP_MS_MAX = 5_000;
const ROUNDS = 6;
const BAR = /^[█▏▎▍▌▋▊▉·]{8,} /;

let folder = "";
let home = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-terminal-"));
  home = join(folder, "home");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test(
  "up shows bars and a live loss line, keeps the network up, lets no second one in, and stops at Ctrl-C",
  async () => {
    const port = String(await freePort());
    const env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
    const job = await writeTinyJob(folder, { rounds: ROUNDS });
    await using terminal = openTerminal(["up", "--job", job, "--providers", "2", "--port", port], env);
    await terminal.saw("The network stays up until Ctrl-C");
    await terminal.saw("--follow"); // the last of what is said then

    // What was shown for a while: who is ready, the upload, the rounds with their loss.
    const shown = terminal.screens.map((lines) => lines.filter((line) => line !== ""));
    const last = shown.map((lines) => lines.at(-1) ?? "");
    expect(last).toContain("fog is ready (1 of 3)");
    expect(last.filter((line) => /^provider-\d is ready \([23] of 3\)$/.test(line))).toHaveLength(2);
    expect(last).toContainEqual(expect.stringMatching(/^sending █{28} .* of /));
    const live = shown.filter((lines) => lines.some((line) => BAR.test(line)));
    const losses = live.flatMap(
      (lines) => lines.at(-1)?.match(/^loss [▁▂▃▄▅▆▇█]+ \d\.\d{4} .*accuracy/) ?? [],
    );
    expect(losses.length).toBeGreaterThan(0);
    for (const lines of live) expect(lines.filter((line) => BAR.test(line))).toHaveLength(1);
    expect(live.at(-1)?.find((line) => BAR.test(line))).toMatch(/^█{28} 100 % {2}round 6\/6$/);

    // What stays.
    const stays = terminal.lines();
    expect(stays.filter((line) => BAR.test(line) || /ready|^sending|^loss/.test(line))).toEqual([]);
    expect(stays.filter((line) => /^round \d\/6 {2}loss \d\.\d{4}/.test(line))).toHaveLength(ROUNDS);
    expect(stays.findLast((line) => line.includes("held out"))).toMatch(
      /^round 6\/6 {2}held out: loss .* accuracy /,
    );
    for (const text of [
      "PinGo on this machine",
      "TON on this machine: http://127.0.0.1:",
      `fog node at ${env.PINGO_FOG}, 2 providers`,
      "✓ you may submit jobs",
      "✓ trained: loss",
    ]) {
      expect(
        stays.some((line) => line.includes(text)),
        text,
      ).toBe(true);
    }

    // It is up, and nobody takes its home or its port.
    const before = await processesOf(home);
    const status = JSON.parse((await pingo(["node", "status", "--json"], env)).stdout);
    expect(status.providers.map(({ connected }: { connected: boolean }) => connected)).toEqual([true, true]);
    expectRefused(await pingo(["up", "--port", port], env), "PORT_IN_USE", [port]);
    expectRefused(await pingo(["up", "--once"], env), "FOLDER_IN_USE", [join(home, "devnet")]);
    expect(await processesOf(home)).toEqual(before);
    expect(await readdir(home)).not.toContain("examples"); // which the refused one would have prepared
    expect(terminal.lines()).toEqual(stays);

    const askedMs = performance.now();
    terminal.pressCtrlC();
    expect(await terminal.ended).toBe(0);
    expect(performance.now() - askedMs).toBeLessThan(STOP_MS_MAX);
    await expectNothingLeft(home);
  },
  RUN_TIMEOUT_MS,
);
