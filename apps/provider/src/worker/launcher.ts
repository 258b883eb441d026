/**
 * How a worker process is started on this machine: at idle priority, with a death bound to the agent's, within limits
 * and behind walls, as far as the system has the tools for it.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { assert, type Log } from "@pingo/core";
import { GIVE_BACK, HUGE_PAGES } from "@pingo/core/malloc";
import { sendSignal } from "@pingo/core/system";
import { LEAN_FLAGS } from "../lean-process.ts";
import { createGuardian } from "./guardian.ts";
import {
  bubblewrap,
  INFO_FD,
  nodePermissions,
  resourceLimits,
  type SandboxFolders,
  SECCOMP_FD,
} from "./sandbox.ts";
import { seccompFilter } from "./seccomp.ts";
import { liftSession, lowerSession } from "./session-weight.ts";
import { DIE_WITH_AGENT, IDLE_PRIORITY, probeWalls } from "./walls.ts";
import { SERVE } from "./worker-channel.ts";
import type { WorkerGroup } from "./worker-group.ts";
import { relayWords } from "./worker-words.ts";

export interface Launcher {
  start(told: LaunchTold): ChildProcess;
  /** A worker has something to do, until this is disposed: it then stands still when this process does. */
  watch(): Disposable;
  /** Beside an owner who takes every core it gets a small share of one, until this is disposed. @param pid  the worker's own */
  lift(pid: number): Disposable;
}

export interface LaunchTold {
  /** The worker's own process id, which behind walls is not that of the process started. */
  onPid(pid: number): void;
  /** It was stopped since this process stood still, and was let go on: whether or not it was to stand still. */
  onRoused?(): void;
}

export interface LauncherOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly folders: SandboxFolders;
  /** What a worker may write of memory; asked at each start. */
  readonly memoryBytesMax?: () => number;
  /** Where workers are held together; undefined where the system has no such group for us. */
  readonly group?: WorkerGroup | undefined;
  readonly log: Log;
  /** The worker's program, but in tests of the walls. */
  readonly entry?: string;
}

const ENTRY = fileURLToPath(new URL("./main.ts", import.meta.url));

export async function findLauncher(options: LauncherOptions): Promise<Launcher> {
  const { environment, folders, memoryBytesMax, group, log, entry = ENTRY } = options;
  await Promise.all([folders.blocks, folders.updates].map((folder) => mkdir(folder, { recursive: true })));
  const filter = seccompFilter(process.arch);
  const walls = await probeWalls();
  const isWalled = walls.seccomp === null;
  const standing = (["setpriv", "chrt", "prlimit"] as const).filter((name) => walls[name] === null);
  log.info("worker_walls", { bubblewrap: isWalled, wrappers: standing.join(" ") });
  const program = [process.execPath, ...LEAN_FLAGS, ...nodePermissions(folders), entry, SERVE];
  // Without the first wrapper the kernel ends nobody with the agent, and there are no moments before it does.
  const rouseByChild = new Map<ChildProcess, () => void>();
  const onStopped = (): void => {
    for (const rouse of rouseByChild.values()) rouse();
    log.warn("agent_stood_still", { workers: rouseByChild.size });
  };
  const hasBash = walls.bash === null;
  const guardian = walls.setpriv === null ? createGuardian({ environment, hasBash, onStopped }) : undefined;
  const wordsNow = (): readonly string[] => [
    ...(walls.setpriv === null ? DIE_WITH_AGENT : []),
    ...(guardian?.words ?? []),
    ...(walls.chrt === null ? IDLE_PRIORITY : []),
    ...(walls.prlimit === null ? resourceLimits(memoryBytesMax?.()) : []),
    ...(isWalled ? bubblewrap(folders) : []),
    ...program,
  ];
  const lower = (pid: number): void => {
    void lowerSession(pid, log);
    void group?.add(pid);
  };
  const env = { ...environment, ...GIVE_BACK, ...HUGE_PAGES, UV_THREADPOOL_SIZE: "2" };
  /** The pipes of the wall, where there is one, and of the guardian. */
  const stdioNow = (wall: "pipe" | "ignore"): StdioOptions => [
    ...(["ignore", "ignore", "pipe", "pipe", wall, wall] as const),
    ...(guardian ? [guardian.pipe()] : []),
  ];
  // A session of its own: its weight can be lowered without the agent's, and Ctrl-C reaches it through the agent alone.
  const settings = { env, detached: true } as const;
  const guarded = (child: ChildProcess, { onRoused }: LaunchTold): ChildProcess => {
    const { pid } = child;
    if (pid !== undefined) {
      rouseByChild.set(child, () => {
        sendSignal(-pid, "SIGCONT");
        onRoused?.();
      });
      child.once("exit", () => {
        rouseByChild.delete(child);
        guardian?.ended(pid);
      });
    }
    if (child.stderr) relayWords(child.stderr, log, pid ?? 0);
    return child;
  };
  return {
    watch: () => guardian?.watch() ?? { [Symbol.dispose]: () => undefined },
    lift: (pid) => (group?.controls.has("cpu") ? group.lift() : liftSession(pid, log)),
    start(told) {
      const { onPid } = told;
      const [command = process.execPath, ...words] = wordsNow();
      if (!isWalled) {
        const child = guarded(spawn(command, words, { ...settings, stdio: stdioNow("ignore") }), told);
        if (child.pid !== undefined) {
          onPid(child.pid);
          lower(child.pid);
        }
        return child;
      }
      const child = guarded(spawn(command, words, { ...settings, stdio: stdioNow("pipe") }), told);
      if (child.pid !== undefined) lower(child.pid);
      const pipes: readonly unknown[] = child.stdio;
      const [filterPipe, infoPipe] = [pipes[SECCOMP_FD], pipes[INFO_FD]];
      assert(filterPipe instanceof Writable && infoPipe instanceof Readable, "pipes were asked for");
      filterPipe.on("error", () => undefined).end(filter); // it ended before it read: its exit tells
      text(infoPipe).then(
        (info) => {
          if (info === "") return;
          const pid = pidIn(info);
          void group?.add(pid); // it may have begun before the wall was in the group
          onPid(pid);
        },
        () => undefined, // likewise
      );
      return child;
    },
  };
}

function pidIn(info: string): number {
  const pid = /"child-pid": (\d+)/.exec(info)?.[1];
  assert(pid !== undefined, "bubblewrap tells the process it started");
  return Number(pid);
}
