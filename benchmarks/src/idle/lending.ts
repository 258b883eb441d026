/**
 * A real fog node with a job that does not end, and our agent as it joins it: processes of their own, in sessions of
 * their own, on loopback.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ProviderStatus, STATUS_FILE } from "@pingo/scheduler/status";
import { secondsOf, startInSession } from "./session.ts";

export interface Lending extends AsyncDisposable {
  /** As `pingo node join` starts it, with this policy. */
  join(policy: string): Promise<Agent>;
  /** A job as long as anybody measures; submitted once. */
  submit(): Promise<void>;
  readonly jobFile: string;
}

export interface Agent extends AsyncDisposable {
  readonly pid: number;
  readonly ready: Promise<unknown>;
  /** Once any unit has made a step. */
  begun(): Promise<void>;
  /** Once each lent core has a unit that has made a step. */
  working(): Promise<readonly number[]>;
}

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const CLI = at("apps/cli/src/main.ts");
const WORKING_MS_MAX = 60_000;
const LOOK_MS = 50;

export async function startLending(home: string): Promise<Lending> {
  let isSubmitted = false;
  const cores = availableParallelism();
  const folder = join(home, "job");
  await secondsOf(process.execPath, [at("examples/mnist/prepare.ts"), folder]);
  const jobFile = join(folder, "endless.yaml");
  const text = await readFile(join(folder, "job.yaml"), "utf8");
  await writeFile(
    jobFile,
    text
      .replace(/^name:.*$/m, "name: endless")
      .replace(
        /^schedule:.*$/m,
        "schedule: { rounds: 1000, stepsPerRound: 10000, batchSize: 256, secondsPerRound: 80000 }",
      )
      .replace(
        /^workers:.*$/m,
        `workers: { min: ${cores}, max: ${cores}, resources: { cpu: 1000m, memory: 256Mi } }`,
      )
      .replace(/^retry:.*$/m, "retry: { max: 100 }"),
  );
  const [http, p2p] = [await freePort(), await freePort()];
  const fogUrl = `http://127.0.0.1:${http}`;
  const shared = { PINGO_HOME: home, NODE_COMPILE_CACHE: join(home, "compile-cache") };
  const fog = startInSession(process.execPath, [at("apps/fog/src/main.ts")], {
    env: { ...shared, PINGO_FOG_HTTP: `127.0.0.1:${http}`, PINGO_FOG_P2P: `/ip4/127.0.0.1/tcp/${p2p}` },
  });
  await fog.firstLine;
  return {
    jobFile,
    async submit() {
      if (isSubmitted) return;
      isSubmitted = true;
      await secondsOf(process.execPath, [CLI, "job", "submit", jobFile, "--fog", fogUrl], { env: shared });
    },
    async join(policy) {
      const policyPath = join(home, "policy.yaml");
      await writeFile(policyPath, policy);
      const agent = startInSession(process.execPath, [at("apps/provider/src/main.ts")], {
        env: {
          ...shared,
          PINGO_FOG: fogUrl,
          PINGO_PROVIDER_POLICY: policyPath,
          PINGO_PROVIDER_SLOTS: String(cores),
        },
      });
      const status = async (): Promise<ProviderStatus | undefined> => {
        const written = await readFile(join(home, "provider", STATUS_FILE), "utf8").catch(() => undefined);
        const read: ProviderStatus | undefined = written === undefined ? undefined : JSON.parse(written);
        return read?.pid === agent.pid ? read : undefined;
      };
      const begun = async (count: number): Promise<readonly number[]> => {
        for (
          const endMs = performance.now() + WORKING_MS_MAX;
          performance.now() < endMs;
          await pause(LOOK_MS)
        ) {
          const units = ((await status())?.units ?? []).filter(({ step }) => step > 0);
          if (units.length >= count) return units.map(({ workerPid }) => workerPid ?? 0);
        }
        const why = (await status())?.owner?.reasons.map(({ sentence }) => sentence).join("; ");
        throw new Error(
          `no ${count} units at work within ${WORKING_MS_MAX / 1_000} s: ${why ?? "the agent says nothing"}`,
        );
      };
      return {
        pid: agent.pid,
        ready: agent.firstLine,
        begun: async () => void (await begun(1)),
        working: () => begun(cores),
        async [Symbol.asyncDispose]() {
          await agent[Symbol.asyncDispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await fog[Symbol.asyncDispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
