/**
 * A process that trains a workload turn by turn, as we and every peer do: lines of JSON on its stdin and stdout.
 *
 *   first      ← {"name", …}                what it is, or {"skipped": why}
 *   a turn     → {"steps": n}               ← {"wallMs", "cpuMs", "losses", "sgemmGflops"?}
 *   the end    → end of stdin               ← {"peakBytes"}
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Turn {
  readonly wallMs: number;
  /** Of all its threads. */
  readonly cpuMs: number;
  /** Of each step. */
  readonly losses: readonly number[];
  /** Of torch.mm, measured after the turn, where the contestant has its own. */
  readonly sgemmGflops?: number;
}

export interface Introduction {
  /** With its version. */
  readonly name: string;
  readonly buildMs?: number;
  readonly openMs?: number;
}

export interface Contestant {
  readonly introduction: Introduction;
  turn(steps: number): Promise<Turn>;
  /** Ends the process; its peak resident bytes. */
  end(): Promise<number>;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A contestant that is ready, or why there is none. */
export async function startContestant(command: Command): Promise<Contestant | { readonly skipped: string }> {
  const { program, args, env = process.env } = command;
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const complaints: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const failed = once(child, "error").then(([error]) => String(error));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const line = await Promise.race([lines.next(), failed]);
    if (typeof line === "string" || line.done === true) {
      const why = typeof line === "string" ? line : complaints.join("").trim().split("\n").at(-1);
      return { skipped: why || `${program} said nothing` };
    }
    return JSON.parse(line.value);
  };
  const ask = async (question: unknown) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return answered(await next());
  };
  const first = await next();
  if (first.skipped !== undefined) {
    child.stdin.end();
    return { skipped: first.skipped };
  }
  return {
    introduction: first,
    turn: (steps) => ask({ steps }),
    end: async () => {
      child.stdin.end();
      return answered(await next()).peakBytes;
    },
  };
}

function answered<A extends object>(answer: A): A {
  if ("skipped" in answer) throw new Error(`a contestant fell out: ${answer.skipped}`);
  return answer;
}
