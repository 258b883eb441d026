/** What the owner does while others' work is about: a compile, a video, and a program that wants to answer at once. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { secondsOf, startInSession } from "./session.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROBE = fileURLToPath(new URL("./tick-probe.ts", import.meta.url));
const PROBE_SECONDS = 5;

export interface Ticks {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Type-checks this repository, on as many threads as the compiler likes; seconds. */
export function compile(): Promise<number> {
  return secondsOf(join(ROOT, "node_modules/.bin/tsc"), ["--noEmit"], { folder: ROOT });
}

export function hasEncoder(): boolean {
  const { stdout } = spawnSync("ffmpeg", ["-hide_banner", "-encoders"], { encoding: "utf8" });
  return stdout?.includes("libx264") ?? false;
}

/**
 * A test picture in 720p, H.264 as people encode it: x264's usual preset, and as many threads as it takes by itself, one
 * and a half for each core; seconds.
 */
export function encode(pictureSeconds: number): Promise<number> {
  const source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-t", String(pictureSeconds)];
  return secondsOf("ffmpeg", [
    "-v",
    "error",
    ...source,
    "-c:v",
    "libx264",
    "-preset",
    "medium",
    "-f",
    "null",
    "-",
  ]);
}

export async function ticks(): Promise<Ticks> {
  await using probe = startInSession(process.execPath, [PROBE, String(PROBE_SECONDS)]);
  const { p50Ms, p99Ms } = await probe.firstLine;
  return { p50Ms: Number(p50Ms), p99Ms: Number(p99Ms) };
}
