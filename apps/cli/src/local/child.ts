/**
 * A daemon of ours as a child process: started, waited for, watched, stopped.
 *
 * It speaks one JSON line on stdout (ready, or its fault) and logs to a file. Its stdin is a pipe that
 * we hold: should we die, even by SIGKILL, the pipe ends and the child stops.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { assertDefined, type Clock, type FaultReport, RemoteError, zErrorBody } from "@pingo/core";
import { GIVE_BACK } from "@pingo/core/malloc";
import { diskErrorOf, makeFolderSync } from "@pingo/core/system";
import { CliError } from "../cli-error.ts";

/** A cold start reads the database and the engine from a slow disk. */
export const READY_TIMEOUT_MS = 60_000;

export interface ChildSpec {
  /** "fog node", "provider-2": as people are told of it. */
  readonly name: string;
  readonly script: string;
  /** Of Node; none unless given. */
  readonly flags?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logPath: string;
}

export interface ChildEnd {
  readonly exitCode: number | null;
  readonly killedBy: string | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** What it said when ready. @throws its own fault, CHILD_DIED or CHILD_NOT_READY */
  readonly ready: Promise<unknown>;
  readonly ended: Promise<ChildEnd>;
  /** The fault of one that ended by itself. */
  faultOf(end: ChildEnd): CliError | RemoteError;
  terminate(): void;
  kill(): void;
}

/** @throws {DiskError} where its log cannot be kept */
export function startChild(spec: ChildSpec, clock: Clock): Child {
  const log = openLog(spec.logPath);
  const child = spawn(process.execPath, [...(spec.flags ?? []), spec.script], {
    env: { ...spec.env, ...GIVE_BACK }, // daemons wait most of the day
    stdio: ["pipe", "pipe", log],
    detached: true,
  });
  closeSync(log); // the child has its own copy
  const stdin = assertDefined(child.stdin, "stdin is a pipe");
  const stdout = assertDefined(child.stdout, "stdout is a pipe");
  let lastFault: FaultReport | null = null;
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once("error", () => resolve({ exitCode: null, killedBy: "it could not be started" }));
    child.once("close", (exitCode, killedBy) => resolve({ exitCode, killedBy }));
  });
  const isReady = Promise.withResolvers<unknown>();
  createInterface({ input: stdout }).on("line", (line) => {
    const value = jsonOrNull(line);
    const fault = zErrorBody.safeParse(value);
    if (fault.success) lastFault = fault.data.error;
    else if (typeof value === "object" && value !== null && "ready" in value) isReady.resolve(value);
  });
  stdin.on("error", () => undefined); // it ended first; `ended` tells how
  const faultOf = (end: ChildEnd): CliError | RemoteError => {
    if (lastFault !== null && end.exitCode !== null) return new RemoteError(lastFault);
    const how = end.killedBy === null ? `exit code ${end.exitCode}` : `by ${end.killedBy}`;
    const last = lastFault === null ? null : `${lastFault.message} (${lastFault.code})`;
    return new CliError({ code: "CHILD_DIED", child: spec.name, how, last, logPath: spec.logPath });
  };
  return {
    name: spec.name,
    pid: child.pid ?? -1,
    logPath: spec.logPath,
    ready: Promise.race([
      isReady.promise,
      ended.then((end) => Promise.reject(faultOf(end))),
      notReadyInTime(spec, clock, Promise.race([isReady.promise, ended])),
    ]),
    ended,
    faultOf,
    terminate() {
      stdin.end();
      child.kill("SIGTERM");
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

function openLog(path: string): number {
  makeFolderSync(dirname(path));
  try {
    return openSync(path, "a");
  } catch (cause) {
    throw diskErrorOf(path, cause);
  }
}

async function notReadyInTime(spec: ChildSpec, clock: Clock, settled: Promise<unknown>): Promise<never> {
  const timer = new AbortController();
  void settled.then(() => timer.abort());
  await clock.sleep(READY_TIMEOUT_MS, { signal: timer.signal }).catch((error: unknown) => {
    if (!timer.signal.aborted) throw error;
  });
  if (timer.signal.aborted) return new Promise<never>(() => undefined); // the race is over
  const { name: child, logPath } = spec;
  throw new CliError({ code: "CHILD_NOT_READY", child, seconds: READY_TIMEOUT_MS / 1000, logPath });
}

function jsonOrNull(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // not a line of the protocol
  }
}
