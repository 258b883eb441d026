/** The whole road in real processes: `pingo up` from nothing to a trained model, and back to nothing. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readModel } from "@pingo/autograd";
import { freePort } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectNothingLeft, expectRefused, pingo, processesOf, startPingo } from "./pingo.ts";
import { writeTinyJob } from "./tiny-job.ts";

/** The machine may be busy with other tests; the promise of 90 s is the benchmark's to keep. */
const RUN_TIMEOUT_MS = 300_000;
/** Four jobs, two networks and a dozen commands. */
const ROAD_TIMEOUT_MS = 2 * RUN_TIMEOUT_MS;
const STOP_MS_MAX = 5_000;
const TRY = fileURLToPath(new URL("../../../examples/mnist/try.ts", import.meta.url));
/** examples/mnist/job.yaml: rounds × steps × providers. */
const STEPS_PLANNED = 6 * 240 * 3;
const QUORUM_SHARE = 0.6;

interface Paid {
  readonly who: string;
  readonly nano: string;
}

function sumOf(list: readonly Paid[]): bigint {
  return list.reduce((sum, { nano }) => sum + BigInt(nano), 0n);
}

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-up-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test(
  "up --once --json goes in by the gate, trains the digits, tells last what came of it and who was paid, and leaves only files",
  async () => {
    const { exitCode, stdout, stderr } = await pingo(["up", "--once", "--json"], { PINGO_HOME: home });
    expect(stderr).toBe("");
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const outcome = lines.at(-1);
    expect(exitCode).toBe(0);
    expect(outcome).toEqual({
      job: expect.stringMatching(/^baf/),
      accuracy: expect.any(Number),
      loss: expect.any(Number),
      rounds: 6,
      providers: 3,
      steps: expect.any(Number),
      samplesPerSecond: expect.any(Number),
      bytesUp: expect.any(Number),
      bytesDown: expect.any(Number),
      chain: "devnet",
      certificate: {
        state: "valid",
        validUntilUnixS: expect.any(Number),
        address: expect.stringMatching(/^0:[0-9a-f]{64}$/),
      },
      firstWork: expect.any(Array),
      payments: expect.any(Array),
      walletNano: expect.stringMatching(/^\d+$/),
      // Of an epoch that still runs: what this work is to give its wallet when it closes.
      rewards: expect.objectContaining({ owner: expect.stringMatching(/^0:[0-9a-f]{64}$/), running: 1 }),
      wallSeconds: expect.any(Number),
      model: join(home, "jobs", outcome.job, "model.onnx"),
    });
    expect(outcome.accuracy).toBeGreaterThanOrEqual(0.97);
    const running = outcome.rewards.pools.map(({ runningNano }: { runningNano: string }) =>
      BigInt(runningNano),
    );
    expect(running.every((nano: bigint) => nano > 0n)).toBe(true);
    for (const [list, payer] of [
      [outcome.firstWork, "founder"],
      [outcome.payments, "you"],
    ] as const) {
      expect(sumOf(list)).toBe(0n);
      expect(list.filter(({ nano }: Paid) => BigInt(nano) < 0n).map(({ who }: Paid) => who)).toEqual([payer]);
      expect(list.map(({ who }: Paid) => who)).toContain("fog node");
    }
    expect(outcome.payments.filter(({ who }: Paid) => /^provider-\d$/.test(who))).toHaveLength(3);
    // What computers of this home earned, less what its user paid, but for crumbs that wait for more.
    const own = [...outcome.firstWork, ...outcome.payments].filter(({ who }: Paid) =>
      /^(you|provider-\d)$/.test(who),
    );
    expect(Number(sumOf(own) - BigInt(outcome.walletNano))).toBeLessThan(3e6);
    expect(outcome.steps).toBeGreaterThanOrEqual(QUORUM_SHARE * STEPS_PLANNED); // a slow unit may miss its round
    expect(lines.filter(({ event }) => event?.type === "committed")).toHaveLength(6);
    expect(readModel(await readFile(outcome.model)).outputs).toHaveLength(1);
    // Stock ONNX Runtime, in a process that knows nothing of ours, finds the accuracy that was told.
    const tried = await promisify(execFile)(process.execPath, [TRY, outcome.model]);
    expect(Number(/^accuracy (.*)$/m.exec(tried.stdout)?.[1])).toBeCloseTo(outcome.accuracy, 6);
    const provenance = JSON.parse(await readFile(join(dirname(outcome.model), "provenance.json"), "utf8"));
    expect(provenance).toMatchObject({
      jobId: outcome.job,
      graph: expect.stringMatching(/^baf/),
      job: { data: {} },
    });
    expect(provenance.rounds).toHaveLength(6);
    expect((await readdir(join(home, "jobs", outcome.job))).sort()).toEqual([
      "metrics.json",
      "model.onnx",
      "provenance.json",
    ]);
    expect((await stat(join(home, "user.key"))).mode & 0o777).toBe(0o600);
    await expectNothingLeft(home);
  },
  RUN_TIMEOUT_MS,
);

test(
  "without a chain too whoever worked is paid, and the books say so when they are asked and when they are computed again",
  async () => {
    const port = await freePort();
    const env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
    const up = startPingo(["up", "--chain", "none", "--port", String(port), "--providers", "2"], env);
    await up.saw("Ctrl-C");
    const earnings = await pingo(["earnings", "--json"], env);
    expect(earnings.stderr).toBe("");
    const { earnedNano, paidOutNano, toComeNano, spentNano, ownerNano, accounts } = JSON.parse(
      earnings.stdout,
    );
    expect(accounts.map(({ name }: { readonly name: string }) => name)).toEqual([
      "you",
      "provider-1",
      "provider-2",
    ]);
    expect(BigInt(earnedNano)).toBeGreaterThan(0n);
    expect([paidOutNano, toComeNano, spentNano]).toEqual(["0", earnedNano, (-BigInt(ownerNano)).toString()]);
    // The station's fee is the rest of what the job cost: a twentieth, and what rounding leaves.
    const costNano = -BigInt(ownerNano);
    expect(Number(costNano - BigInt(earnedNano)) / Number(costNano)).toBeCloseTo(0.05, 6);
    expect(up.stdout()).toMatch(/^ {2}provider-1 +0\.\d+ PINGO$/m);
    const audit = await pingo(["audit", "verify"], env);
    expect(audit).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("balanced: 1 jobs") });
    const quoted = await pingo(["quote", join(home, "examples", "mnist", "job.yaml"), "--json"], env);
    expect(quoted.stderr).toBe("");
    const { steps, cpuMs, marketNano, clouds } = JSON.parse(quoted.stdout);
    expect(steps).toBe(6 * 240 * 3);
    expect(cpuMs).toBeGreaterThan(0);
    expect(BigInt(marketNano)).toBeGreaterThan(0n);
    expect(clouds.length).toBeGreaterThan(1);
    for (const { cost, source, asOf } of clouds)
      expect([cost > 0, source, asOf]).toEqual([
        true,
        expect.stringMatching(/^https:/),
        expect.stringMatching(/^2026-/),
      ]);
    up.child.kill("SIGINT");
    await up.ended;
  },
  RUN_TIMEOUT_MS,
);

test(
  "the gate is closed: the user is refused, its providers work, it earns the certificate, and pays, from a second terminal too, and after a kill",
  async () => {
    const port = await freePort();
    const env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
    const folder = join(home, "jobs-of-mine");
    await mkdir(folder, { recursive: true });
    const job = await writeTinyJob(folder, { rounds: 2, budget: "1 PINGO" });
    const up = startPingo(["up", "--job", job, "--port", String(port), "--providers", "2"], env);
    await up.saw("Ctrl-C");
    const order = [
      "✗ you may not submit jobs yet",
      "from the founder's wallet into the job's escrow",
      "✓ you may submit jobs: the gate is for contributors",
      "1 PINGO from your wallet into the job's escrow",
      "✓ trained",
      "who is paid",
    ].map((text) => up.stdout().indexOf(text));
    expect(Math.min(...order)).toBeGreaterThan(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(up.stdout()).toMatch(/^ {2}founder +-2\.\d+ PINGO$/m);
    expect(up.stdout()).toMatch(/^ {2}you +-1 PINGO$/m);
    expect(up.stdout()).toMatch(/all of it is paid out on chain; your wallet has \d\.\d+ PINGO/);

    // Its commands find the devnet of this home, and the wallet there, without being told.
    const wallet = JSON.parse((await pingo(["wallet", "show", "--json"], env)).stdout);
    expect(wallet).toMatchObject({ network: -3, balances: { certificate: { state: "valid" } } });
    expect(JSON.parse((await pingo(["vote", "list", "--json"], env)).stdout)).toMatchObject({
      proposals: [],
    });
    const books = JSON.parse((await pingo(["earnings", "--json"], env)).stdout);
    expect(BigInt(books.paidOutNano)).toBeGreaterThan(0n);
    expect(BigInt(books.earnedNano)).toBe(BigInt(books.paidOutNano) + BigInt(books.toComeNano));
    expect(BigInt(wallet.balances.pingoNano)).toBe(BigInt(books.paidOutNano) - BigInt(books.spentNano));

    const again = await pingo(["train", job, "--follow"], env);
    expect(again.stderr).toBe("");
    expect(again.stdout).toContain("1 PINGO from your wallet into the job's escrow");
    expect(again.stdout).toMatch(/1 PINGO paid from escrow 0:[0-9a-f]{64}, the rest is back in your wallet/);

    // One that is stopped has a bill as well: what was done is paid, the rest is back at once.
    const long = await writeTinyJob(folder, { rounds: 1_000, budget: "1 PINGO", name: "long" });
    const cut = startPingo(["train", long, "--follow"], env);
    await cut.saw("round    1/1000");
    const listed = JSON.parse((await pingo(["job", "list", "--json"], env)).stdout);
    const running = listed.jobs.find(({ state }: { readonly state: string }) => state === "running");
    expect((await pingo(["job", "stop", running.id], env)).exitCode).toBe(0);
    const ended = await cut.ended;
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain("stopped by its owner (JOB_NOT_SUCCEEDED)");
    expect(ended.stdout).toMatch(
      /0\.\d+ PINGO paid from escrow 0:[0-9a-f]{64}, the rest is back in your wallet/,
    );
    await expect
      .poll(async () => (await pingo(["audit", "verify"], env)).stdout, { timeout: STOP_MS_MAX * 4 })
      .toMatch(/^✓ balanced: 4 jobs/m);

    up.child.kill("SIGKILL");
    await up.ended;
    await expect.poll(() => processesOf(home), { timeout: STOP_MS_MAX * 2 }).toEqual([]);
    const second = await pingo(["up", "--once", "--json", "--job", job, "--providers", "2"], env);
    expect(second.stderr).toBe("");
    const outcome = JSON.parse(second.stdout.trim().split("\n").at(-1) ?? "");
    expect(outcome).toMatchObject({ chain: "devnet", certificate: { state: "valid" }, firstWork: null });
    expectRefused(await pingo(["up", "--once", "--chain", "none"], env), "HOME_OF_OTHER_CHAIN", [
      home,
      "PINGO_HOME",
    ]);
    await expectNothingLeft(home);
  },
  ROAD_TIMEOUT_MS,
);

test(
  "Ctrl-C in mid-job stops everything within 5 s: no process, no lock",
  async () => {
    const up = startPingo(["up", "--once"], { PINGO_HOME: home });
    await up.saw("round 1/6");
    expect((await processesOf(home)).length).toBeGreaterThanOrEqual(6);
    const askedMs = performance.now();
    up.child.kill("SIGINT");
    const { exitCode, stderr } = await up.ended;
    expect(performance.now() - askedMs).toBeLessThan(STOP_MS_MAX);
    expect(exitCode).toBe(130);
    expect(stderr).toBe("interrupted (INTERRUPTED)\n");
    await expectNothingLeft(home);
  },
  RUN_TIMEOUT_MS,
);

test(
  "a first job that is stopped from another terminal leaves the network up; a home begun without a chain goes on without",
  async () => {
    const port = await freePort();
    const env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
    const up = startPingo(["up", "--chain", "none", "--port", String(port), "--providers", "1"], env);
    await up.saw("8,000 rows to train");
    const listed = JSON.parse((await pingo(["job", "list", "--json"], env)).stdout);
    expect((await pingo(["job", "stop", listed.jobs[0].id], env)).exitCode).toBe(0);
    await up.saw("Ctrl-C");
    expect(up.stdout()).toContain("stopped by its owner (JOB_NOT_SUCCEEDED)");
    expect((await pingo(["node", "status"], env)).exitCode).toBe(0);
    up.child.kill("SIGINT");
    expect((await up.ended).exitCode).toBe(0);
    expectRefused(await pingo(["up", "--once", "--chain", "devnet"], env), "HOME_OF_OTHER_CHAIN", [
      home,
      "PINGO_HOME",
    ]);
    const later = startPingo(["up", "--port", String(port), "--providers", "1"], env);
    await later.saw("8,000 rows to train");
    expect(later.stdout()).toContain("this home was begun without a chain and goes on so");
    expect(later.stdout()).not.toContain("the gate is for contributors");
    later.child.kill("SIGINT");
    expect((await later.ended).exitCode).toBe(130);
    await expectNothingLeft(home);
  },
  RUN_TIMEOUT_MS,
);

test(
  "a fog node that dies is told with its log, and its providers go with it",
  async () => {
    const up = startPingo(["up", "--once"], { PINGO_HOME: home });
    await up.saw("3 providers");
    const { stdout } = await promisify(execFile)("pgrep", [
      "-P",
      String(up.child.pid),
      "-f",
      "apps/fog/src/main.ts",
    ]);
    process.kill(Number(stdout.trim()), "SIGKILL");
    const { exitCode, stderr } = await up.ended;
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `the fog ended (by SIGKILL); its log is ${join(home, "logs", "fog.log")} (CHILD_DIED)`,
    );
    await expectNothingLeft(home);
  },
  RUN_TIMEOUT_MS,
);

test(
  "even when it is killed itself, nothing of it stays",
  async () => {
    const up = startPingo(["up", "--once"], { PINGO_HOME: home });
    await up.saw("fog node at");
    up.child.kill("SIGKILL");
    await once(up.child, "exit");
    const deadlineMs = performance.now() + STOP_MS_MAX * 2;
    await expect.poll(() => processesOf(home), { timeout: deadlineMs - performance.now() }).toEqual([]);
  },
  RUN_TIMEOUT_MS,
);
