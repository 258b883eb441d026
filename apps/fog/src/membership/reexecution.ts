/**
 * A unit of work done again by this station, and how far its update is from the provider's.
 *
 * In a process of its own at the lowest priority: its memory goes with it, and it takes no core from those who train.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Cid, parseShape, RemoteError, type WorkUnit, zCid, zErrorBody } from "@pingo/core";
import { z } from "zod";
import { FogError } from "../fault.ts";

export interface WorkToRedo {
  readonly blocksFolder: string;
  readonly unit: WorkUnit;
  /** What the receipt says was done. */
  readonly steps: number;
  readonly update: Cid;
}

export interface Redone {
  /** ‖theirs - ours‖ / ‖ours‖ over the whole update; of a piece 0 where its result is the same to the byte, else 1. */
  readonly deviation: number;
  /** What is still the same work; null of more steps than can be judged. */
  readonly tolerance: number | null;
  /** What came out here. */
  readonly update: Cid;
}

const SCRIPT = fileURLToPath(new URL("reexecute.ts", import.meta.url));
const ANSWER_CHARS_MAX = 4_096;
/** Beyond twice the time that its provider was given: it runs at the lowest priority, and in two ways where the first comes out otherwise. */
const GRACE_MS = 60_000;
/** However long a unit may take: others wait for theirs. */
const REDONE_MS_MAX = 10 * 60_000;
const zRedone: z.ZodType<Redone> = z.object({
  deviation: z.number().nonnegative(),
  tolerance: z.number().nonnegative().nullable(),
  update: zCid,
});

/** @throws {FaultError} what kept it from being done again */
export async function redo(work: WorkToRedo, signal: AbortSignal): Promise<Redone> {
  signal.throwIfAborted();
  const timeout = redoMsMax(work.unit);
  const child = spawn(process.execPath, [SCRIPT], {
    ...{ env: {}, signal, timeout, killSignal: "SIGKILL" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  child.stdin.on("error", () => undefined); // it ended first; its answer tells why
  child.stdin.end(JSON.stringify({ ...work, keeps: false }));
  try {
    const answer = await text(child.stdout);
    const [exitCode, killedBy] = await ended;
    // By the kernel for its memory, or for its time.
    if (killedBy === "SIGKILL") throw new FogError({ code: "NOT_REDONE", work: work.update });
    if (answer === "") throw new Error(`re-execution ended with ${exitCode} and without an answer`);
    const parsed = parseShape(
      z.union([zRedone, zErrorBody]),
      JSON.parse(answer.slice(0, ANSWER_CHARS_MAX)),
      "a re-execution",
    );
    if ("error" in parsed) throw new RemoteError(parsed.error);
    return parsed;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

export function redoMsMax({ deadlineMs }: Pick<WorkUnit, "deadlineMs">): number {
  return Math.min(2 * deadlineMs + GRACE_MS, REDONE_MS_MAX);
}
