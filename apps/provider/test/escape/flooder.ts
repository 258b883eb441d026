/** A worker that went astray: as soon as it has a unit, it fills its folder, its memory or its agent without end. */
import { chmodSync, closeSync, mkdirSync, openSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { CHANNEL_FD, openChannel, TASK_BYTES_MAX } from "../../src/worker/worker-channel.ts";

export interface FloodTask {
  readonly type: string;
  readonly lease: string;
  readonly updateFolder: string;
  /** Which of them, where a unit has this for its seed. */
  readonly unit: { readonly seed: number };
}

/** By the seed of the unit. */
export const FLOODS = ["files", "memory", "unlinked", "closed", "line", "nonsense", "stderr"] as const;

/** Below the limit of one file. */
const UNLINKED_BYTES = 8 * 2 ** 20;

if (process.argv.at(-1) === "serve") {
  const pipe = new Socket({ fd: CHANNEL_FD });
  const agent = openChannel(pipe, {
    lineBytesMax: TASK_BYTES_MAX,
    // SAFETY: the agent says nothing else.
    onValue: (task) => flood(task as FloodTask, pipe),
    onOver: () => process.exit(0),
  });
  agent.say({ type: "ready" });
}

function flood({ type, unit, updateFolder }: FloodTask, agent: Socket): void {
  if (type !== "run") return;
  mkdirSync(updateFolder, { recursive: true });
  const what = FLOODS[unit.seed];
  if (what === "memory") fillMemory();
  if (what === "files") for (let i = 0; ; i++) writeFileSync(`${updateFolder}/${i}`, "");
  if (what === "unlinked") for (;;) writeUnlinked(`${updateFolder}/gone`);
  if (what === "closed") close(updateFolder);
  if (what === "nonsense") agent.write("null\n{}\n");
  if (what === "line") sayOn(agent, Buffer.alloc(1 << 20, 0xff));
  if (what === "stderr") process.stderr.write("\u001b[2Ja worker's words\n");
}

/** What is written here has no name that a look could find. */
function writeUnlinked(path: string): void {
  const file = openSync(path, "w");
  unlinkSync(path);
  writeSync(file, new Uint8Array(UNLINKED_BYTES));
  closeSync(file);
}

function close(folder: string): void {
  mkdirSync(`${folder}/ab/cd`, { recursive: true });
  writeFileSync(`${folder}/ab/cd/hidden`, "hidden");
  chmodSync(`${folder}/ab`, 0);
}

function sayOn(agent: Socket, bytes: Buffer): void {
  while (agent.write(bytes));
  agent.once("drain", () => sayOn(agent, bytes));
}

function fillMemory(): never {
  const kept: Buffer[] = [];
  for (;;) kept.push(Buffer.alloc(1 << 24, 1));
}
