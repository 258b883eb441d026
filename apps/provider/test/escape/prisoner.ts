/** Runs where a worker runs, and tries to get out: each attempt says what came of it. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { connect, Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { CHANNEL_FD, openChannel, TASK_BYTES_MAX } from "../../src/worker/worker-channel.ts";

export interface Orders {
  /** Files of the owner's that must not be read. */
  readonly secrets: readonly string[];
  /** Folders that must not be written, real or not. */
  readonly forbidden: readonly string[];
  /** The one that may. */
  readonly updates: string;
  /** A port of this machine on which somebody listens. */
  readonly port: number;
  /** The agent's process. */
  readonly agent: number;
}

/** What was attempted, and null where it did not succeed. */
export type Report = Readonly<Record<string, string | null>>;

const agent = openChannel(new Socket({ fd: CHANNEL_FD }), {
  lineBytesMax: TASK_BYTES_MAX,
  // SAFETY: the test says nothing else.
  onValue: (orders) => void attemptAll(orders as Orders),
  onOver: () => process.exit(0),
});

async function attemptAll(orders: Orders): Promise<void> {
  const report: Record<string, string | null> = {};
  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    try {
      const how: unknown = await attempt(orders);
      report[name] = how === undefined ? null : String(how);
    } catch {
      report[name] = null; // refused
    }
  }
  agent.say(report);
}

/** Of the whole computer, by way of /proc: the first one names a program that the kernel runs as root. */
const SETTINGS = [
  "/proc/sys/kernel/core_pattern",
  "/proc/sys/kernel/hostname",
  "/proc/sys/vm/overcommit_memory",
  "/proc/sys/vm/drop_caches",
];

const ATTEMPTS: Readonly<Record<string, (orders: Orders) => unknown>> = {
  "read a secret": ({ secrets }) => secrets.find((path) => succeeds(() => readFileSync(path))),
  "find a secret": ({ secrets }) =>
    secrets.find((path) =>
      namesIn(path.slice(0, path.lastIndexOf("/"))).includes(path.split("/").at(-1) ?? ""),
    ),
  "write elsewhere": ({ forbidden }) =>
    forbidden.find((folder) => succeeds(() => writeFileSync(`${folder}/escaped`, "x"))),
  // What stands there already is put back: nothing changes even where it succeeds.
  "set the computer": () => SETTINGS.find((path) => succeeds(() => writeFileSync(path, settingIn(path)))),
  "reach the network": ({ port }) =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port }, () => resolve("connected"));
      socket.on("error", () => resolve(undefined));
    }),
  "see another process": ({ agent }) =>
    succeeds(() => readFileSync(`/proc/${agent}/cmdline`)) ? "seen" : undefined,
  "signal the agent": ({ agent }) =>
    succeeds(() => process.kill(agent, "SIGCONT")) ? "signalled" : undefined,
  "start a program": () => (succeeds(() => execFileSync("/bin/true")) ? "started" : undefined),
  "bomb with processes": () =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, ["--version"]);
      child.on("error", () => resolve(undefined));
      child.on("spawn", () => resolve("spawned"));
    }),
  "start a thread of its own": () => (succeeds(() => new Worker("", { eval: true })) ? "started" : undefined),
  "flood the disk": ({ updates }) => {
    const file = openSync(`${updates}/flood`, "w");
    process.on("SIGXFSZ", () => undefined);
    try {
      for (let i = 0; i < 64; i++) writeSync(file, new Uint8Array(1 << 20));
      return "64 MiB in one file";
    } finally {
      closeSync(file);
    }
  },
};

function settingIn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // written only
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

agent.say({ ready: true });
