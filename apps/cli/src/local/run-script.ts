/** Runs one of our scripts to its end. */
import { spawn } from "node:child_process";

const TAIL_CHARS = 400;
const STDOUT_CHARS_MAX = 65_536;

export interface ScriptEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The last line it wrote to stderr. */
  readonly lastWords: string;
}

export async function runScript(
  script: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<ScriptEnd> {
  const child = spawn(process.execPath, [script, ...args], {
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  options.signal.addEventListener("abort", kill, { once: true });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout = (stdout + String(chunk)).slice(-STDOUT_CHARS_MAX);
  });
  let tail = "";
  child.stderr.on("data", (chunk) => {
    tail = (tail + String(chunk)).slice(-TAIL_CHARS);
  });
  try {
    return await new Promise<ScriptEnd>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) =>
        resolve({ exitCode, stdout, lastWords: tail.trim().split("\n").at(-1) ?? "" }),
      );
    });
  } finally {
    options.signal.removeEventListener("abort", kill);
  }
}
