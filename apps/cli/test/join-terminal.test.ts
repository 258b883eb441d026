/** `pingo node join` as a person meets it: three questions in a terminal, then it lends. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pingo, processesOf, type ServingFog, serveFog } from "./pingo.ts";
import { hasTerminal, openTerminal, STOOD_STILL } from "./terminal.ts";

const CORES = availableParallelism();
const HOW_MUCH = "How much: gentle, balanced or dedicated? [gentle]";
const HOW_MANY = `How many of your ${CORES} cores at most? [${CORES}]`;

/** Blind to load, so that it lends beside whatever else this machine does. */
const CALM = `profile: dedicated
idle: { cores: 100%, memory: 50%, tolerate: 1000000m }
calm: { from: 0ms, to: 1s }
grace: 0s
temperature: { stop: 120, resume: 119 }
battery: { run: true, above: 0% }
`;
/** A worker of idle priority beside whatever else this machine does. */
const SOON = { timeout: 90_000, interval: 500 } as const;

/** The command and the agent, which know the home by a setting, and workers, which know its folders. */
async function lendingIn(home: string): Promise<readonly string[]> {
  const knowing = await processesOf(home);
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const [program = "", ...words] = (await textOf(`/proc/${pid}/cmdline`)).split("\0");
    const isWorker = words.includes("serve") && words.join(" ").includes(home);
    if (program.endsWith("node") && (isWorker || knowing.includes(pid))) found.push(pid);
  }
  return found;
}

async function stateOf(pid: string): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
}

/** Nothing of a process that has just ended. */
function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

let root = "";
let fog: ServingFog;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-join-"));
  fog = await serveFog(join(root, "fog"));
});
afterAll(async () => {
  await fog?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

test.skipIf(!hasTerminal)(
  "three questions, each asked again until the answer is one, and the computer lends; the next time two, and it stands still at Ctrl-Z until fg",
  async () => {
    const home = await mkdtemp(join(root, "home-"));
    const env = { PINGO_HOME: home, PINGO_FOG: "http://127.0.0.1:9" };
    {
      await using terminal = openTerminal(["node", "join"], env);
      await terminal.saw("Which fog node? [http://127.0.0.1:9]");
      terminal.type("nowhere\n");
      await terminal.saw("expected the address of a fog node, like http://10.0.0.5:4710");
      terminal.type(`${fog.url}\n`);
      await terminal.saw(HOW_MUCH);
      terminal.type("gentel\n");
      await terminal.saw("expected gentle, balanced, dedicated");
      terminal.type("dedicated\n");
      await terminal.saw(HOW_MANY);
      terminal.type(`${CORES + 1}\n`);
      await terminal.saw(`expected a whole number from 1 to ${CORES}`);
      terminal.type("1\n");
      await terminal.saw("works for fog node");
      expect(await readFile(join(home, "provider", "policy.yaml"), "utf8")).toBe("profile: dedicated\n");
      const joined = async () => {
        const { stdout } = await pingo(["node", "status", "--json"], { ...env, PINGO_FOG: fog.url });
        return JSON.parse(stdout).providers.map(({ connected }: { connected: boolean }) => connected);
      };
      await expect.poll(joined, { timeout: 60_000, interval: 500 }).toEqual([true]);
      terminal.pressCtrlC();
      expect(await terminal.ended).toBe(0);
    }
    {
      await writeFile(join(home, "provider", "policy.yaml"), CALM);
      await using terminal = openTerminal(["node", "join", "--fog", fog.url], env, { hasJobs: true });
      await terminal.saw(HOW_MANY);
      expect(terminal.lines().some((line) => line.includes("How much"))).toBe(false);
      terminal.type("1\n");
      await terminal.saw("works for fog node");
      const lent = async () => {
        const { stdout } = await pingo(["node", "status", "--json"], { ...env, PINGO_FOG: fog.url });
        return JSON.parse(stdout).providers.map(({ slots }: { slots: number }) => slots);
      };
      await expect.poll(lent, SOON).toEqual([1]);
      terminal.pressCtrlZ();
      await terminal.saw(STOOD_STILL);
      // The command, the agent and its worker.
      const states = async () => Promise.all((await lendingIn(home)).map(stateOf));
      await expect.poll(states, SOON).toEqual(["T", "T", "T"]);
      terminal.type("\n");
      await expect.poll(states, SOON).not.toContain("T");
      await expect.poll(lent, SOON).toEqual([1]);
      terminal.pressCtrlC();
      expect(await terminal.ended).toBe(0);
    }
    expect(await processesOf(home)).toEqual([]);
  },
);

test.skipIf(hasTerminal)(
  "there is no `script` of util-linux here: questions at a terminal are not tried",
  () => {
    expect(hasTerminal).toBe(false);
  },
);
