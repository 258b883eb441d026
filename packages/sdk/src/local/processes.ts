/** Worker processes of a local run: each takes one unit at a time. */
import { type ChildProcess, fork } from "node:child_process";
import { assertDefined, RemoteError } from "@pingo/core";
import { HUGE_PAGES } from "@pingo/core/malloc";
import type { UnitResult } from "@pingo/training";
import { LocalError } from "./local-error.ts";
import type { LocalReply, LocalTask } from "./messages.ts";

const WORKER = new URL("./worker.ts", import.meta.url);

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Processes extends Disposable {
  /** One task for each process. */
  run(
    tasks: readonly LocalTask[],
    onSteps: (unit: number, step: number, loss: number) => void,
  ): Promise<readonly UnitResult[]>;
}

/**
 * @param folder       of the blocks that the units name
 * @param environment  of the processes; what it says of huge pages counts
 */
export async function startProcesses(
  count: number,
  folder: string,
  environment: Environment | undefined,
): Promise<Processes> {
  // As a provider's worker trains; without an environment they have this process's own, which we do not read.
  const settings = environment && { env: { ...HUGE_PAGES, ...environment } };
  const children = Array.from({ length: count }, () => {
    return fork(WORKER, [folder], { serialization: "advanced", ...settings });
  });
  const disposable = {
    [Symbol.dispose](): void {
      for (const child of children) if (child.connected) child.disconnect();
    },
  };
  try {
    await Promise.all(children.map((child) => until(child, ({ type }) => type === "ready")));
  } catch (error) {
    disposable[Symbol.dispose]();
    throw error;
  }
  return {
    ...disposable,
    run: (tasks, onSteps) =>
      Promise.all(
        tasks.map(async (task, i) => {
          const child = assertDefined(children[i], "a process for each task");
          child.send(task);
          const reply = await until(child, (message) => {
            if (message.type === "steps") onSteps(i, message.step, message.loss);
            return message.type === "done" || message.type === "fault";
          });
          if (reply.type === "done") return reply.result;
          if (reply.type === "fault") throw new RemoteError(reply.fault);
          throw new TypeError(`a worker answered ${reply.type}`);
        }),
      ),
  };
}

/** The first message for which `isLast` holds. */
function until(child: ChildProcess, isLast: (reply: LocalReply) => boolean): Promise<LocalReply> {
  const { promise, resolve, reject } = Promise.withResolvers<LocalReply>();
  const onMessage = (reply: LocalReply): void => {
    if (isLast(reply)) settle(() => resolve(reply));
  };
  const onExit = (exitCode: number | null, signal: string | null): void =>
    settle(() => reject(new LocalError({ code: "LOCAL_PROCESS_ENDED", how: signal ?? `code ${exitCode}` })));
  const settle = (then: () => void): void => {
    child.off("message", onMessage);
    child.off("exit", onExit);
    then();
  };
  child.on("message", onMessage);
  child.on("exit", onExit);
  return promise;
}
