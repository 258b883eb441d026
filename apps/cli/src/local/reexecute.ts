/** A unit done again in a process of its own, whose memory goes with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type Cid, parseShape, type WorkUnit, zCid, zErrorBody } from "@pingo/core";
import { z } from "zod";
import { SCRIPTS } from "./scripts.ts";
import { SlashError } from "./slash-error.ts";

export interface Redone {
  /** ‖theirs - ours‖ / ‖ours‖; of a piece 0 where its result is the same to the byte, else 1. */
  readonly deviation: number;
  readonly tolerance: number;
  /** What came out here; it lies in the folder too. */
  readonly update: Cid;
}

const zRedone = z.object({
  deviation: z.number().nonnegative(),
  tolerance: z.number().nonnegative().nullable(),
  update: zCid,
});

/** @throws {SlashError} NOT_REEXECUTED, TOO_LONG_TO_JUDGE */
export async function reexecute(
  work: {
    /** Has everything that the unit names, and the update. */
    readonly blocksFolder: string;
    readonly unit: WorkUnit;
    readonly steps: number;
    readonly update: Cid;
  },
  signal: AbortSignal,
): Promise<Redone> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [SCRIPTS.reexecute], {
    ...{ env: {}, signal, killSignal: "SIGKILL" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(child, "close");
  child.stdin.on("error", () => undefined); // it ended first; its answer tells why
  child.stdin.end(JSON.stringify({ ...work, keeps: true }));
  try {
    const answer = await text(child.stdout);
    const [exitCode, killedBy] = await ended;
    if (answer === "")
      throw new SlashError({ code: "NOT_REEXECUTED", why: `it ended with ${killedBy ?? exitCode}` });
    const parsed = parseShape(z.union([zRedone, zErrorBody]), JSON.parse(answer), "a re-execution");
    if ("error" in parsed) throw new SlashError({ code: "NOT_REEXECUTED", why: parsed.error.message });
    const { tolerance } = parsed;
    if (tolerance === null) throw new SlashError({ code: "TOO_LONG_TO_JUDGE", steps: work.steps });
    return { ...parsed, tolerance };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
