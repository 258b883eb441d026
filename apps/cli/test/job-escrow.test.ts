/** `pingo job escrow …` on a network of this machine: a bill that is shown, disputed and answered, and one that runs out. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@pingo/core/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectNothingLeft, expectRefused, pingo, type Ran, type Running, startPingo } from "./pingo.ts";
import { writeTinyJob } from "./tiny-job.ts";

const TIMEOUT_MS = 300_000;
const NANO = 1_000_000_000;
let home = "";
let env: Readonly<Record<string, string>> = {};
let up: Running;
let jobFile = "";

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-escrow-"));
  const port = String(await freePort());
  env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
  jobFile = await writeTinyJob(home, { rounds: 1, budget: "1 PINGO" });
  up = startPingo(["up", "--job", jobFile, "--port", port, "--providers", "1"], env);
  await up.saw("Ctrl-C");
}, TIMEOUT_MS);
afterAll(async () => {
  up.child.kill("SIGINT");
  await up.ended;
  await expectNothingLeft(home);
  await rm(home, { recursive: true });
}, TIMEOUT_MS);

async function untilBilled(): Promise<string> {
  const { stdout } = await pingo(["job", "submit", jobFile, "--json"], env);
  const { id } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  await pingo(["job", "show", id, "--follow"], env);
  await expect.poll(async () => (await shown(id)).phase, { timeout: TIMEOUT_MS }).toBe("billed");
  return id;
}

async function shown(id: string) {
  const { stdout, stderr } = await pingo(["job", "escrow", "show", id, "--json"], env);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

function escrow(verb: string, id: string, ...more: readonly string[]): Promise<Ran> {
  return pingo(["job", "escrow", verb, id, ...more], env);
}

test(
  "a bill is disputed by its user and answered by the quorum: so much is paid, the rest is back",
  async () => {
    const id = await untilBilled();
    expect(await shown(id)).toMatchObject({
      phase: "billed",
      depositedNano: String(NANO),
      billedNano: String(NANO),
      evidence: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expectRefused(await escrow("answer", id, "--amount", "0.4"), "ESCROW_NOT_DISPUTED", ["billed"]);
    expectRefused(await escrow("close", id), "ESCROW_TOO_EARLY", ["the chain's clock"]);
    const disputed = await escrow("dispute", id);
    expect(disputed).toMatchObject({
      exitCode: 0,
      stderr: "",
      stdout: expect.stringContaining("state      disputed until"),
    });
    expectRefused(await escrow("dispute", id), "ESCROW_NOT_BILLED", ["no bill to dispute"]);
    expectRefused(await escrow("accept", id), "ESCROW_NOT_BILLED", ["no bill to accept"]);
    expectRefused(await escrow("answer", id, "--amount", "2"), "ANSWER_TOO_MUCH", ["1 PINGO"]);
    const answered = await escrow("answer", id, "--amount", "0.4", "--json");
    expect(answered.stderr).toBe("");
    expect(JSON.parse(answered.stdout)).toMatchObject({ phase: "closed", billedNano: String(0.4 * NANO) });
    expectRefused(await escrow("close", id), "ESCROW_CLOSED", []);
    expectRefused(await escrow("pay", id), "NOTHING_OWED", ["all of it was paid"]);
    // The station takes note, pays on what it was granted (the next jobs are paid with it), and its books agree with the chain.
    await expect
      .poll(async () => (await pingo(["audit", "verify"], env)).stdout, { timeout: TIMEOUT_MS })
      .toMatch(/^✓ balanced/);
  },
  TIMEOUT_MS,
);

test(
  "an accepted bill is paid at once; one whose window is over is closed by anyone and disputed by nobody",
  async () => {
    const accepted = await untilBilled();
    expect((await escrow("accept", accepted)).stdout).toContain("paid       1 PINGO to the fog node");
    const late = await untilBilled();
    await travel("2h");
    const closedOrPaid = await escrow("dispute", late);
    // The station closes it as well, as soon as it looks.
    expect(closedOrPaid.stderr).toMatch(/\((ESCROW_WINDOW_OVER|ESCROW_NOT_BILLED)\)\n$/);
    await expect.poll(async () => (await shown(late)).phase, { timeout: TIMEOUT_MS }).toBe("closed");
    expectRefused(await pingo(["job", "escrow", "show", `bafyrei${"a".repeat(52)}`], env), "JOB_UNKNOWN", [
      "pingo job list",
    ]);
  },
  TIMEOUT_MS,
);

/** The network's devnet is at a port of its own, and says so in its folder. */
async function travel(duration: string): Promise<void> {
  const { adminPort } = JSON.parse(await readFile(join(home, "devnet", "local-chain.json"), "utf8"));
  const gone = await pingo(["devnet", "travel", duration, "--port", String(adminPort)], env);
  expect(gone.stderr).toBe("");
}
