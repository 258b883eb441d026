/** Runs the fuzzing of the reader in a child process with a small heap, and watches over it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** For JavaScript objects; tensors lie outside it, and the files are small. */
const HEAP_MB = 256;
/** An input takes a few ms; two cores may be busy with other things. */
const HANG_MS = 20_000;
const CHILD = fileURLToPath(new URL("fuzz-child.ts", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../../../examples/mnist/model.onnx", import.meta.url));
const EXPORTED = fileURLToPath(new URL("../pytorch/models/", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../../../../../shared/fixtures/autograd/", import.meta.url));

export interface FuzzOutcome {
  /** undefined when every seed was survived. */
  readonly failure: string | undefined;
  /** How often each fault came, and "ok". */
  readonly counts: Readonly<Record<string, number>>;
}

/** Files that real exporters wrote, where they are there. */
function models(): string[] {
  const fixtures = existsSync(FIXTURES)
    ? readdirSync(FIXTURES).map((name) => `${FIXTURES}${name}/model.onnx`)
    : [];
  const exported = readdirSync(EXPORTED).map((name) => `${EXPORTED}${name}/model.onnx`);
  return [EXAMPLE, ...exported, ...fixtures].filter((file) => existsSync(file));
}

export function fuzzReader(from: number, to: number): Promise<FuzzOutcome> {
  const child = spawn(process.execPath, [
    `--max-old-space-size=${HEAP_MB}`,
    CHILD,
    `${from}`,
    `${to}`,
    ...models(),
  ]);
  let last = "nothing was read";
  let said = "";
  let wrong = "";
  let rest = "";
  return new Promise((resolve) => {
    const watch = () => setTimeout(() => child.kill("SIGKILL"), HANG_MS);
    let timer = watch();
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      wrong = (wrong + text).slice(0, 4_000);
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      clearTimeout(timer);
      timer = watch();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      last = lines.findLast((line) => line.startsWith("seed ")) ?? last;
      said = lines.findLast((line) => line.startsWith("done ")) ?? said;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const isDone = code === 0 && said !== "";
      resolve({
        failure: isDone ? undefined : `${last}: ended with ${signal ?? code}\n${wrong}`,
        counts: isDone ? JSON.parse(said.slice("done ".length)) : {},
      });
    });
  });
}
