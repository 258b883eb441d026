/** What a station takes at most, and what of a stranger's job it refuses: nothing of it changes anything. */
import { mkdir, readFile, writeFile as writeFileOnDisk } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { Tensor } from "@pingo/autograd";
import { writeModel } from "@pingo/autograd";
import { withoutGradient } from "@pingo/autograd/testing";
import {
  cidOfBytes,
  cidOfValue,
  encodeCanonical,
  keyPairOfSeed,
  LIMITS,
  parseShape,
  STOP_DOMAIN,
  signValue,
  zErrorBody,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import { insertJob } from "../src/database/job-store.ts";
import { UNFINISHED_JOBS_MAX } from "../src/jobs/admission.ts";
import { failToStart, fogOfFile, makePlace, startFog } from "./fog-process.ts";
import {
  acceptTinyJob,
  blocksOf,
  NOWHERE,
  postCbor,
  signJob,
  submit,
  tinyData,
  tinyModel,
  uploadTinyJob,
} from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));
const here = fogOfFile();

async function refusal(answer: Response): Promise<{ readonly status: number; readonly code: string }> {
  const { code, message } = parseShape(zErrorBody, await answer.json(), "the error").error;
  expect(message).not.toMatch(/\n|at .*\.ts/);
  return { status: answer.status, code };
}

const jobsOf = async (url: string): Promise<readonly unknown[]> => {
  const { jobs } = (await (await fetch(`${url}/v1/jobs`)).json()) as { readonly jobs: readonly unknown[] }; // SAFETY: of a station of ours
  return jobs;
};

function data(name: string, change: (tensor: Tensor) => Tensor): ReadonlyMap<string, Tensor> {
  const tensors = new Map(tinyData());
  const tensor = tensors.get(name);
  return tensor ? tensors.set(name, change(tensor)) : tensors;
}

test.each<readonly [string, Parameters<typeof uploadTinyJob>[2], string]>([
  ["a model that is not ONNX", { model: Uint8Array.of(80, 75, 1, 2) }, "MODEL_NOT_ONNX"],
  ["an op without a gradient", { model: writeModel(withoutGradient(tinyModel())) }, "OP_WITHOUT_GRADIENT"],
  [
    "tensors that do not fit the model",
    { data: data("point", () => ({ dtype: "float32", shape: [64, 3], data: new Float32Array(192) })) },
    "FIELD_MISMATCH",
  ],
  [
    "a label out of range",
    { data: data("label", ({ shape }) => ({ dtype: "int64", shape, data: new BigInt64Array(64).fill(2n) })) },
    "LABEL_OUT_OF_RANGE",
  ],
  [
    "NaN in the data",
    {
      data: data("point", ({ shape }) => ({
        dtype: "float32",
        shape,
        data: new Float32Array(128).fill(Number.NaN),
      })),
    },
    "DATA_NOT_FINITE",
  ],
])("%s is refused by the station itself, whatever the submitter checked", async (_, files, code) => {
  const { url } = here.fog;
  const before = await jobsOf(url);
  const job = await uploadTinyJob(url, {}, files);
  expect(await refusal(await submit(url, signJob(job, owner)))).toEqual({ status: 422, code });
  expect(await jobsOf(url)).toEqual(before);
});

test("a manifest without rows, and one whose shard is not what it says, are no datasets", async () => {
  const { url } = here.fog;
  const blocks = blocksOf(url);
  const job = await uploadTinyJob(url);
  const fields = [{ name: "point", dtype: "float32", rowShape: [2] }];
  const shard = await blocks.put(new TextEncoder().encode("no safetensors"));
  const empty = { kind: "pingo/dataset/v1", rows: 0, fields, shards: [] };
  const lying = { ...empty, rows: 64, shards: [{ cid: shard, rows: 64, sizeBytes: 14 }] };
  const codes: string[] = [];
  for (const manifest of [empty, lying]) {
    const train = await blocks.put(encodeCanonical(manifest), "dagCbor");
    const answer = await refusal(await submit(url, signJob({ ...job, data: { train, test: null } }, owner)));
    expect(answer.status).toBe(422);
    codes.push(answer.code);
  }
  expect(codes).toEqual(["MANIFEST_MALFORMED", expect.stringMatching(/FIELD|SAFETENSORS|SHARD|TARGET/)]);
});

test("a block that is not what its CID names is not taken", async () => {
  const bytes = new TextEncoder().encode("as it was");
  const path = `${here.fog.url}/ipfs/${cidOfBytes(bytes)}`;
  for (const bad of ["as it was not", "as it"]) {
    const answer = await fetch(path, { method: "PUT", body: bad });
    expect(answer.ok).toBe(false);
    expect((await refusal(answer)).code).toBe("UPLOAD_MISMATCH");
    expect((await fetch(path, { method: "HEAD" })).status).toBe(404);
  }
});

test("a flood of uploads that stall takes no memory to speak of, and an honest one gets through", async () => {
  const { url } = here.fog;
  const { hostname, port } = new URL(url);
  const body = new Uint8Array(LIMITS.blockBytesMax - 10);
  const head = `PUT /ipfs/${NOWHERE} HTTP/1.1\r\nhost: fog\r\ncontent-length: ${LIMITS.blockBytesMax}\r\n\r\n`;
  const beforeBytes = await here.fog.residentBytes();
  const flood = Array.from({ length: 400 }, () => connect(Number(port), hostname));
  const answers: string[] = [];
  const over = flood.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.on("data", (chunk) => answers.push(String(chunk)));
        socket.on("error", () => undefined).on("close", () => resolve());
        socket.write(head);
        socket.write(body, () => resolve());
      }),
  );
  await Promise.all(over);
  // 800 MB came. What is refused is read and thrown away, so that its sender hears why; that is garbage for a moment.
  const growthBytes = async (): Promise<number> => (await here.fog.residentBytes()) - beforeBytes;
  expect(await growthBytes()).toBeLessThan(200_000_000);
  await expect.poll(() => answers.length).toBeGreaterThan(300);
  expect(answers[0]).toMatch(/^HTTP\/1.1 503 .*"code":"UPLOADS_TOO_MANY"/s);
  const cid = await blocksOf(url).put(new Uint8Array(LIMITS.chunkBytesMax));
  expect((await fetch(`${url}/ipfs/${cid}`)).status).toBe(200);
  expect(await growthBytes()).toBeLessThan(200_000_000);
  for (const socket of flood) socket.destroy();
});

test("so many follow events and no more, until one leaves", async () => {
  const { url } = here.fog;
  const { id } = await acceptTinyJob(url, owner);
  const leaving = Array.from({ length: LIMITS.sseClientsMax }, () => new AbortController());
  const follow = (signal?: AbortSignal): Promise<Response> =>
    fetch(`${url}/v1/jobs/${id}/events`, signal ? { signal } : {});
  const answers = await Promise.all(leaving.map(({ signal }) => follow(signal)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(await refusal(await follow())).toEqual({ status: 503, code: "FOLLOWERS_TOO_MANY" });
  leaving[0]?.abort();
  const last = new AbortController();
  await expect.poll(async () => (await follow(last.signal)).status).toBe(200);
  last.abort();
  for (const one of leaving) one.abort();
});

test("so many jobs wait and no more, until one is stopped; a restart keeps them", async () => {
  await using place = await makePlace();
  const folder = join(String(place.env["PINGO_HOME"]), "fog");
  const template = { ...(await uploadTinyJob(here.fog.url)), model: NOWHERE };
  const waiting = Array.from({ length: UNFINISHED_JOBS_MAX }, () => signJob(template, owner));
  {
    await using database = await openDatabase({ folder, url: undefined });
    for (const signed of waiting) {
      await insertJob(database.sql, {
        id: cidOfValue(signed),
        owner: owner.nodeId,
        name: "waits",
        envelope: encodeCanonical(signed),
        state: "queued",
        program: NOWHERE,
        rounds: 1,
        createdUnixMs: 1,
      });
    }
  }
  await using fog = await startFog(place);
  const job = await uploadTinyJob(fog.url);
  const one = signJob(job, owner);
  expect(await refusal(await submit(fog.url, one))).toEqual({ status: 429, code: "JOBS_TOO_MANY" });
  const first = cidOfValue(waiting[0]);
  const stop = encodeCanonical(signValue(STOP_DOMAIN, { job: first }, owner));
  expect((await postCbor(`${fog.url}/v1/jobs/${first}/stop`, stop)).status).toBe(200);
  expect((await submit(fog.url, one)).status).toBe(201);
});

test("of submissions that come all at once, those past the limit are told to come again", async () => {
  const { url } = here.fog;
  const job = await uploadTinyJob(url);
  const before = (await jobsOf(url)).length;
  const answers = await Promise.all(Array.from({ length: 60 }, () => submit(url, signJob(job, owner))));
  const taken = answers.filter(({ status }) => status === 201).length;
  const refused = await Promise.all(answers.filter(({ status }) => status !== 201).map(refusal));
  expect(refused.length).toBeGreaterThan(0);
  for (const each of refused) expect(each).toEqual({ status: 429, code: "JOBS_TOO_MANY" });
  expect((await jobsOf(url)).length).toBe(before + taken);
});

test("a key file that holds no key is refused with its path, and left as it is", async () => {
  await using place = await makePlace();
  const path = join(String(place.env["PINGO_HOME"]), "fog", "key");
  await mkdir(dirname(path), { recursive: true });
  await writeFileOnDisk(path, "no key");
  const fault = await failToStart(place.env);
  expect(fault).toEqual({ code: "KEY_MALFORMED", message: expect.stringContaining(path) });
  expect(await readFile(path, "utf8")).toBe("no key");
});
