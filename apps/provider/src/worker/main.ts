/**
 * The worker process: runs units for the agent that forked it, at the lowest priority, and ends with it.
 */
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import { loadEngine } from "@pingo/autograd/runtime";
import { isFault, isRunUnit, type LeaseId, reportOf } from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { createUnitRunner } from "@pingo/lending/unit";
import { createDiskBlocks } from "@pingo/storage";
import { openBreathingTrainer } from "./breathing-trainer.ts";
import { measureSpeed } from "./measure-speed.ts";
import { CODE_CHARS_MAX, MESSAGE_CHARS_MAX, type WorkerReport, type WorkerTask } from "./protocol.ts";
import { createVerifiedReader } from "./verified-reader.ts";
import { CHANNEL_FD, openChannel, SERVE, TASK_BYTES_MAX, type WorkerChannel } from "./worker-channel.ts";

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const runner = createUnitRunner({
  clock: systemClock,
  openTrainer: (program) => openBreathingTrainer(program, breathe),
  cpuMs,
  peakBytes: () => 1_024 * process.resourceUsage().maxRSS,
});
let running:
  | { readonly lease: LeaseId; readonly cancel: AbortController; readonly flush: AbortController }
  | undefined;

let agent: WorkerChannel | undefined;

if (process.argv.at(-1) === SERVE) await serveAgent();

async function serveAgent(): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  agent = openChannel(new Socket({ fd: CHANNEL_FD }), {
    lineBytesMax: TASK_BYTES_MAX,
    // SAFETY: the agent, whose tasks these are, started this process.
    onValue: (task) => void handle(task as WorkerTask),
    // No agent, no worker: whatever it was doing is of use to nobody.
    onOver: () => process.exit(0),
  });
  // The agent decides when to stop; a terminal's Ctrl-C reaches the whole group.
  process.on("SIGINT", () => undefined);
  // Warm before it is asked; where there is no engine, the unit that wants it says so.
  await loadEngine().catch(() => undefined);
  report({ type: "ready" });
  flushCompileCache(); // a killed process writes none
}

async function handle(task: WorkerTask): Promise<void> {
  if (task.type === "cancel") {
    if (running?.lease === task.lease) running.cancel.abort(new Error("the lease was taken back"));
    return;
  }
  if (task.type === "flush") {
    if (running?.lease === task.lease) running.flush.abort();
    return;
  }
  if (task.type === "prepare") {
    if (running !== undefined) return;
    const blocks = createVerifiedReader(task.blocksFolder, systemDisk);
    await runner.prepare(task.program, blocks).catch(() => undefined); // the unit meets it again, and says so
    return;
  }
  const lease = task.type === "run" ? task.lease : null;
  try {
    if (task.type === "run") await run(task);
    else report({ type: "measured", speed: await measureSpeed(task.passes, systemClock) });
  } catch (error) {
    const { code, message } = reportOf(error);
    if (!isFault(error))
      process.stderr.write(`${JSON.stringify({ event: "worker_failed", error: String(error) })}\n`);
    report({
      type: "failed",
      lease,
      code: code.slice(0, CODE_CHARS_MAX),
      message: message.slice(0, MESSAGE_CHARS_MAX),
    });
  }
}

async function run(task: Extract<WorkerTask, { type: "run" }>): Promise<void> {
  const { lease, unit: work } = task;
  if (isRunUnit(work)) {
    // Most workers never run one.
    const { runPieceUnit } = await import("./run-piece-unit.ts");
    report({ type: "progress", lease, step: 0, loss: null }); // its time counts from here
    await breathe(); // the message is on its way before the thread is taken
    report({ type: "done", lease, outcome: await runPieceUnit(work, task, cpuMs) });
    return;
  }
  const cancel = new AbortController();
  const flush = new AbortController();
  running = { lease, cancel, flush };
  try {
    const unit = {
      unit: work,
      blocks: createVerifiedReader(task.blocksFolder, systemDisk),
      update: createDiskBlocks({ folder: task.updateFolder, disk: systemDisk }),
    };
    const outcome = await runner.run(unit, {
      signal: cancel.signal,
      flush: flush.signal,
      onProgress: (step, loss) =>
        report({ type: "progress", lease, step, loss: Number.isFinite(loss) ? loss : null }),
    });
    report({ type: "done", lease, outcome });
  } finally {
    running = undefined;
  }
}

function report(message: WorkerReport): void {
  agent?.say(message);
}
