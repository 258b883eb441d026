/** Pieces of a Run job in a real fog node: whose result counts where two differ, and what is kept where some are given up. */
import { mkdtemp, readFile as readDiskFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  assert,
  type Cid,
  type JobView,
  keyPairOfSeed,
  type PieceRecord,
  parseShape,
  type RunJob,
  zJobView,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { exportFolder, readFile, writeFile } from "@pingo/storage";
import { expect, test } from "vitest";
import { fogOfFile, makePlace, startFog } from "./fog-process.ts";
import { join as joinFog, type ScriptedProvider } from "./scripted-provider.ts";
import { blocksOf, signJob, submit, untilFinished } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));
const here = fogOfFile();
const COUNT = fileURLToPath(new URL("../../../examples/words/count.wasm", import.meta.url));
const TEXTS = ["one", "two words", "three short words"] as const;
const takesPieces = { kinds: ["Run"] } as const;

async function submitted(
  change: Partial<RunJob> = {},
  fog = here.fog,
): Promise<{ job: JobView; inputs: readonly Cid[] }> {
  const blocks = blocksOf(fog.url);
  const inputs: Cid[] = [];
  for (const text of TEXTS) inputs.push(await writeFile(blocks, new TextEncoder().encode(text)));
  const job: RunJob = {
    apiVersion: "pingo/v1",
    kind: "Run",
    name: "words",
    module: await writeFile(blocks, await readDiskFile(COUNT)),
    arguments: [],
    inputs: inputs.map((cid, i) => ({ cid, name: `${i}.txt` })),
    pieces: TEXTS.length,
    limits: { memoryBytes: 2 ** 20, outputBytes: 65_536, secondsPerPiece: 10 },
    verify: "none",
    workers: { min: 1, max: 8, cpuMillicores: 100, memoryBytes: 2 ** 20 },
    retryMax: 0,
    budgetNano: "0",
    seed: 1,
    ...change,
  };
  const answer = await submit(fog.url, signJob(job, owner));
  const body: unknown = await answer.json();
  expect(answer.status, JSON.stringify(body)).toBe(201);
  return { job: parseShape(zJobView, body, "the job"), inputs };
}

/** What each piece printed, null where it has no result; and who did what. */
async function outcome(view: JobView): Promise<{ stdout: (string | null)[]; records: PieceRecord[] }> {
  assert(view.result !== null && "pieces" in view.result, "a Run job has pieces");
  const blocks = blocksOf(here.fog.url);
  const folder = await mkdtemp(join(tmpdir(), "pingo-pieces-"));
  const { pieces, provenance } = view.result;
  await exportFolder(blocks, pieces, join(folder, "pieces"), { sizeBytesMax: 1e6, entriesMax: 100 });
  const stdout = await Promise.all(
    TEXTS.map((_, piece) =>
      readDiskFile(join(folder, "pieces", String(piece), "stdout"), "utf8").catch(() => null),
    ),
  );
  await rm(folder, { recursive: true });
  const json = await readFile(blocks, provenance, { sizeBytesMax: 1e6 });
  return { stdout, records: JSON.parse(new TextDecoder().decode(json)).pieces };
}

/** Works off so many leases, each as told. */
async function work(
  provider: ScriptedProvider,
  leases: number,
  run: (piece: number) => "honest" | "given back" | { readonly input: Cid },
): Promise<void> {
  for (let done = 0; done < leases; done++) {
    const lease = await provider.nextLease();
    assert("piece" in lease.unit, "it is a piece");
    const how = run(lease.unit.piece);
    if (how === "given back") {
      await provider.ask({ type: "release", leases: [lease.id], reason: "too hard", isOwners: false });
      continue;
    }
    const change = how === "honest" ? {} : { input: { cid: how.input, name: "lie.txt", sizeBytes: 3 } };
    await provider.send(await provider.runPiece(lease, change));
  }
}

test("where two results of a piece differ, the fog node does it again: the true one counts, the other is named a lie", async () => {
  await using honest = await joinFog(here.fog, { ...takesPieces, slots: 3 });
  await using liar = await joinFog(here.fog, { ...takesPieces, slots: 3 });
  const { job, inputs } = await submitted({ verify: "always" });
  const lie = inputs[0];
  assert(lie !== undefined, "there are inputs");
  await Promise.all([
    work(honest, TEXTS.length, () => "honest"),
    // What piece 2 is, it says is what piece 0 is.
    work(liar, TEXTS.length, (piece) => (piece === 2 ? { input: lie } : "honest")),
  ]);
  const view = await untilFinished(here.fog.url, job);
  expect(view).toMatchObject({ state: "succeeded", reason: null });
  const { stdout, records } = await outcome(view);
  expect(stdout).toEqual(["1\n", "2\n", "3\n"]);
  expect(records).toHaveLength(2 * TEXTS.length);
  expect(records.filter(({ isRefuted }) => isRefuted)).toMatchObject([
    { index: 2, provider: liar.key.nodeId },
  ]);
});

test("two different lies: neither counts, both are refuted, the job says so, and the other pieces are kept", async () => {
  await using first = await joinFog(here.fog, { ...takesPieces, slots: 3 });
  await using second = await joinFog(here.fog, { ...takesPieces, slots: 3 });
  const { job, inputs } = await submitted({ verify: "always" });
  const [one, two] = inputs;
  assert(one !== undefined && two !== undefined, "there are inputs");
  await Promise.all([
    work(first, TEXTS.length, (piece) => (piece === 2 ? { input: one } : "honest")),
    work(second, TEXTS.length, (piece) => (piece === 2 ? { input: two } : "honest")),
  ]);
  const view = await untilFinished(here.fog.url, job);
  expect(view.state).toBe("failed");
  expect(view.reason).toMatch(
    /^piece 2 came out differently at \S+ and at \S+, and neither is what comes out here/,
  );
  const { stdout, records } = await outcome(view);
  expect(stdout).toEqual(["1\n", "2\n", null]);
  expect(records.filter(({ isRefuted }) => isRefuted)).toMatchObject([
    { index: 2, verdict: expect.any(String) },
    { index: 2, verdict: expect.any(String) },
  ]);
});

test("a piece that is given up costs the others nothing: theirs are kept and fetched, and the job names it", async () => {
  await using provider = await joinFog(here.fog, takesPieces);
  const { job } = await submitted({ retryMax: 1 });
  await work(provider, TEXTS.length + 1, (piece) => (piece === 1 ? "given back" : "honest"));
  const view = await untilFinished(here.fog.url, job);
  expect(view.state).toBe("failed");
  expect(view.reason).toBe("piece 1 was given up; the last provider said: given back: too hard");
  const { stdout, records } = await outcome(view);
  expect(stdout).toEqual(["1\n", null, "3\n"]);
  expect(records.map(({ index }) => index)).toEqual([0, 2]);
});

test("a piece that owners cut off by coming back uses up none of its attempts, also over a restart of the fog node", async () => {
  await using place = await makePlace();
  let fog = await startFog(place);
  const { job } = await submitted({ retryMax: 0 }, fog);
  for (let times = 0; times < 3; times++) {
    await using provider = await joinFog(fog, takesPieces);
    const lease = await provider.nextLease();
    await provider.ask({ type: "release", leases: [lease.id], reason: "the owner is back", isOwners: true });
  }
  await fog.kill("SIGKILL");
  fog = await startFog(place);
  await using _ = fog;
  await using provider = await joinFog(fog, takesPieces);
  await work(provider, TEXTS.length, () => "honest");
  expect(await untilFinished(fog.url, job)).toMatchObject({ state: "succeeded", reason: null });
});
