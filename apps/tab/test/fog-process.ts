/** A real fog node that serves the page, in a process of its own, and jobs small enough to train in no time. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { defineModel, type Tensor, writeModel } from "@pingo/autograd";
import {
  assert,
  createPrng,
  encodeCanonical,
  type FogNodeView,
  JOB_DOMAIN,
  type JobView,
  keyPairOfSeed,
  type ProviderView,
  parseShape,
  type Schedule,
  signValue,
  type TrainJob,
  zBooksView,
  zFogNodeView,
  zJobView,
  zProviderView,
} from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { freePort } from "@pingo/core/testing";
import { createHttpBlocks, packDataset, writeFile } from "@pingo/storage";
import { z } from "zod";
import { buildPage } from "../src/build-page.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const NODE_24 = at("node_modules/.bin/node");
const zReady = z.object({ ready: z.literal(true), node: zFogNodeView });
const OWNER = keyPairOfSeed(new Uint8Array(32).fill(9));
const ROWS = 96;
/** Of a job: 2 PINGO. */
const BUDGET_NANO = "2000000000";

export interface WebFog extends AsyncDisposable {
  readonly node: FogNodeView;
  readonly pageUrl: string;
  submit(schedule: Partial<Schedule>, change?: Partial<TrainJob>): Promise<JobView>;
  job(view: JobView): Promise<JobView>;
  providers(): Promise<readonly ProviderView[]>;
  /** What it earned by working, nano-PINGO. */
  earnedBy(provider: string): Promise<bigint>;
  /** A provider of the other kind, on the same fog node. */
  startProcess(): Promise<void>;
}

export async function startWebFog(): Promise<WebFog> {
  await using owned = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "pingo-tab-"));
  owned.defer(() => rm(home, { recursive: true, force: true }));
  const page = join(home, "page");
  await buildPage(page);
  const shared = { PATH: process.env["PATH"] ?? "", PINGO_HOME: home, PINGO_EXIT_WITH_PARENT: "1" };
  const { line } = await start(owned, "apps/fog/src/main.ts", {
    ...shared,
    PINGO_FOG_HTTP: `127.0.0.1:${await freePort()}`,
    PINGO_FOG_P2P: `/ip4/127.0.0.1/tcp/${await freePort()}`,
    PINGO_FOG_WEB: `/ip4/127.0.0.1/tcp/${await freePort()}/ws`,
    PINGO_FOG_PAGE: page,
    PINGO_FOG_LEASE_TTL_MS: "3000",
  });
  const { node } = parseShape(zReady, JSON.parse(line), `the ready line ${line}`);
  assert(node.web !== undefined, "this fog node is for pages too");
  const ask = async (path: string): Promise<unknown> => (await fetch(`${node.httpUrl}${path}`)).json();
  const resources = owned.move();
  return {
    node,
    pageUrl: node.web.pageUrl,
    submit: (schedule, change) => submit(node.httpUrl, schedule, change),
    job: async ({ id }) => parseShape(zJobView, await ask(`/v1/jobs/${id}`), "the job"),
    providers: async () =>
      parseShape(z.object({ providers: z.array(zProviderView) }), await ask("/v1/providers"), "the providers")
        .providers,
    earnedBy: async (provider) =>
      BigInt(parseShape(zBooksView, await ask(`/v1/books/${provider}`), "the books").providerNano),
    async startProcess() {
      await start(resources, "apps/provider/src/main.ts", {
        ...shared,
        PINGO_FOG: node.httpUrl,
        PINGO_PROVIDER_POLICY: "off",
      });
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function start(
  owned: AsyncDisposableStack,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = spawn(NODE_24, [at(script)], { env, stdio: ["pipe", "pipe", "ignore"] });
  owned.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, line: String(line) };
}

async function submit(
  url: string,
  schedule: Partial<Schedule>,
  change: Partial<TrainJob> = {},
): Promise<JobView> {
  const blocks = createHttpBlocks({ baseUrl: url, fetch: systemFetch, clock: systemClock });
  const model = defineModel(
    { name: "tab", seed: 7, inputs: { point: { dtype: "float32", shape: ["batch", 2] } } },
    (b, { point }) => ({ logits: b.linear(b.relu(b.linear(point, { outFeatures: 8 })), { outFeatures: 2 }) }),
  );
  const { cid: train } = await packDataset(points(), { blocks, shardBytes: 512 });
  const job: TrainJob = {
    ...{ apiVersion: "pingo/v1", kind: "Train", name: "tab" },
    model: await writeFile(blocks, writeModel(model)),
    data: { train, test: train },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: ["accuracy"] },
    optimizer: { adamw: { learningRate: 0.05, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
    schedule: { rounds: 3, stepsPerRound: 16, batchSize: 16, secondsPerRound: 60, ...schedule },
    workers: { min: 1, max: 1, cpuMillicores: 100, memoryBytes: 64 * 2 ** 20 },
    ...{ retryMax: 5, budgetNano: BUDGET_NANO, seed: 1, ...change },
  };
  const signed = signValue(JOB_DOMAIN, { job, nonce: systemPrng.bytes(16) }, OWNER);
  const answer = await fetch(`${url}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: new Uint8Array(encodeCanonical(signed)),
  });
  return parseShape(zJobView, await answer.json(), "the job as it was taken");
}

/** Two clouds that a small model tells apart. */
function points(): ReadonlyMap<string, Tensor> {
  const prng = createPrng(4);
  const label = BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i % 2));
  const point = Float32Array.from({ length: 2 * ROWS }, (_, i) => {
    const side = (i >> 1) % 2 === 0 ? -1 : 1;
    return side + 0.5 * (prng.float() - 0.5);
  });
  return new Map<string, Tensor>([
    ["point", { dtype: "float32", shape: [ROWS, 2], data: point }],
    ["label", { dtype: "int64", shape: [ROWS], data: label }],
  ]);
}
