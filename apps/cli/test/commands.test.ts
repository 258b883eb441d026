import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectRefused, MAIN, pingo, type Ran, startPingo } from "./pingo.ts";

let home = "";
let env: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-cli-"));
  env = { PINGO_HOME: join(home, "state"), PINGO_FOG: "http://127.0.0.1:9" };
});
afterAll(() => rm(home, { recursive: true }));

const JOB = `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: train.csv }
objective: { loss: softmax-cross-entropy, target: label }
schedule: { rounds: 1, stepsPerRound: 1, batchSize: 1 }
`;

async function jobFile(text: string): Promise<string> {
  const path = join(home, "job.yaml");
  await writeFile(path, text);
  return path;
}

const errorOf = (stdout: string): unknown => JSON.parse(stdout.trim().split("\n").at(-1) ?? "").error;

test("help fits on a screen, and every command shows an example", async () => {
  const main = await pingo(["--help"]);
  expect(main).toMatchObject({ exitCode: 0, stderr: "" });
  expect(main.stdout.split("\n").length).toBeLessThanOrEqual(36);
  const commands = [
    "up",
    "train",
    "doctor",
    "fog serve",
    "fog register",
    "fog unbond",
    "fog collect",
    "fog cases",
    "fog slash",
    "node join",
    "node status",
    "node why",
    "node size",
    "node bench",
    "node policy show",
    "node policy set",
    "node pause",
    "node resume",
    "node finish",
    "store put",
    "store get",
    "wallet create",
    "wallet import",
    "wallet show",
    "quote",
    "membership show",
    "membership join",
    "earnings",
    "earnings claim",
    "fog epoch show",
    "fog epoch check",
    "fog epoch challenge",
    "fog epoch sign",
    "fog epoch post",
    "audit verify",
    "audit verdict",
    "job escrow show",
    "job escrow accept",
    "job escrow dispute",
    "job escrow answer",
    "job escrow close",
    "autograd inspect",
    "autograd check",
  ];
  const jobs = ["submit", "validate", "list", "show", "stop", "get"].map((verb) => `job ${verb}`);
  for (const command of [...commands, ...jobs]) {
    const { exitCode, stdout } = await pingo([...command.split(" "), "--help"]);
    expect(exitCode, command).toBe(0);
    expect(stdout, command).toContain(`Examples:\n  pingo ${command}`);
    expect(stdout, command).toContain("--json");
  }
});

const OTHER_FILE = fileURLToPath(import.meta.url);
const MODEL_FILE = fileURLToPath(new URL("../../../examples/mnist/model.onnx", import.meta.url));

test("a reader that leaves early is no fault", async () => {
  const { child, ended } = startPingo(["autograd", "inspect", "--help"], {});
  child.stdout?.destroy(); // before a word is said
  expect(await ended).toMatchObject({ stderr: "" });
});

describe("bad input is one sentence with a code, exit code 1, and no stack trace", () => {
  test.each<readonly [string, readonly string[], string, string]>([
    ["a command that is not there", ["trian", "x"], "USAGE", "Did you mean train?"],
    ["an option that is not there", ["up", "--onec"], "USAGE", "Did you mean --once?"],
    ["an argument that is missing", ["train"], "USAGE", "missing required argument"],
    [
      "an argument of a command inside",
      ["autograd", "inspect"],
      "USAGE",
      '"pingo autograd inspect --help" shows',
    ],
    [
      "a folder as a model",
      ["autograd", "inspect", "."],
      "DISK_FAILED",
      "it is a folder, and a file is wanted",
    ],
    [
      "a script as a model",
      ["autograd", "check", OTHER_FILE],
      "MODEL_NOT_ONNX",
      `${OTHER_FILE}: the file is not`,
    ],
    [
      "a model as a job file",
      ["autograd", "train", MODEL_FILE],
      "FILE_NOT_TEXT",
      "what is wanted here is a job file",
    ],
    ["a job file that is not there", ["train", "/nowhere/job.yaml"], "FILE_MISSING", "/nowhere/job.yaml"],
    [
      "a number that is none",
      ["up", "--providers", "many"],
      "OPTION_INVALID",
      "a whole number from 1 to 1024",
    ],
    ["a chain that is none", ["up", "--chain", "mainnet"], "OPTION_INVALID", "expected devnet or none"],
    ["no fog node", ["job", "list"], "FOG_UNREACHABLE", "http://127.0.0.1:9"],
    ["no fog node to join", ["node", "join"], "FOG_UNREACHABLE", "http://127.0.0.1:9"],
    ["an address that is none", ["job", "list", "--fog", "nowhere"], "FOG_URL_INVALID", '"nowhere"'],
    ["an id that is none", ["job", "show", "42"], "CID_INVALID", '"42"'],
    ["a file that is not there", ["store", "put", "/nowhere"], "FILE_MISSING", "/nowhere"],
    ["no model to inspect", ["autograd", "inspect", "/nowhere"], "FILE_MISSING", "/nowhere"],
    ["no model to check", ["autograd", "check", "/nowhere"], "FILE_MISSING", "/nowhere"],
  ])("%s", async (_, args, code, sentence) => {
    const [plain, json] = await Promise.all([pingo(args, env), pingo([...args, "--json"], env)]);
    expect(plain).toMatchObject({ exitCode: 1, stdout: "" });
    expect(plain.stderr.trim().split("\n")).toHaveLength(1);
    expect(plain.stderr).toContain(sentence);
    expect(plain.stderr).toContain(`(${code})`);
    expect(json).toMatchObject({ exitCode: 1, stderr: "" });
    expect(errorOf(json.stdout)).toEqual({ code, message: expect.stringContaining(sentence) });
  });

  test("PINGO_DEBUG shows where", async () => {
    const { stderr } = await pingo(["job", "list"], { ...env, PINGO_DEBUG: "1" });
    expect(stderr).toContain("    at ");
  });
});

test("validate tells every mistake of a job file with its line, then what is wrong with its files", async () => {
  const bad = await jobFile(JOB.replace("name: tiny", "nmae: tiny").replace("rounds: 1", "rounds: none"));
  const told = await pingo(["job", "validate", bad], env);
  expect(told.exitCode).toBe(1);
  expect(told.stderr).toBe(`${bad}:3:1: unknown key "nmae"; did you mean "name"? (JOB_KEY_UNKNOWN)\n`);
  expect(told.stdout).toBe(
    `${bad}:7:21: "schedule.rounds": expected a number, found "none" (JOB_VALUE_INVALID)\n`,
  );
  const path = await jobFile(JOB);
  const missing = await pingo(["job", "validate", path, "--json"], env);
  expect(errorOf(missing.stdout)).toEqual({
    code: "FILE_MISSING",
    message: `${path}:4:8: there is no file ${join(home, "model.onnx")}`,
  });
  await writeFile(join(home, "model.onnx"), "no model");
  const notOnnx = await pingo(["job", "validate", path, "--json"], env);
  expect(errorOf(notOnnx.stdout)).toMatchObject({ code: "MODEL_NOT_ONNX" });
});

describe("a place that is no place for files is told at once, with what to do", () => {
  const expectTold = (ran: Ran, why: string): void => expectRefused(ran, "DISK_FAILED", [why]);

  test("a pipe as a job file, and pipes that a job file names", async () => {
    const pipe = join(home, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    const why = "it is a pipe, and a file is wanted; name a file";
    expectTold(await pingo(["job", "validate", pipe], env), `cannot use ${pipe}: ${why}`);
    const model = await jobFile(JOB.replace("model.onnx", "pipe"));
    expectTold(await pingo(["job", "validate", model], env), `${model}:4:8: cannot use ${pipe}: ${why}`);
    const piped = promisify(execFile)("sh", [
      "-c",
      'cat "$0" | "$1" "$2" job validate /dev/stdin',
      model,
      process.execPath,
      MAIN,
    ]);
    await expect(piped).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`/dev/stdin: ${why}`),
    });
  });

  test("a home that is a file, or where the system keeps no files", async () => {
    const file = join(home, "home-file");
    await writeFile(file, "");
    for (const args of [
      ["up"],
      ["fog", "serve"],
      ["devnet", "up"],
      ["wallet", "create"],
      ["store", "put", file],
    ]) {
      expectTold(await pingo(args, { ...env, PINGO_HOME: file }), "PINGO_HOME says where");
    }
    const ran = await pingo(["store", "put", file], { ...env, PINGO_HOME: "/proc/pingo" });
    expectTold(ran, "cannot use /proc/pingo: the system keeps nothing of ours there; choose another place");
  });

  test("a file on PATH keeps doctor from nothing", async () => {
    const ran = await pingo(["doctor", "--json"], { ...env, PATH: `${MAIN}:${process.env["PATH"]}` });
    expect(ran.stderr).toBe("");
    expect(JSON.parse(ran.stdout).checks).toContainEqual(expect.objectContaining({ name: "nice" }));
  });
});

test("doctor tells what is there and what is not", async () => {
  const { exitCode, stdout } = await pingo(["doctor", "--json"], env);
  const report = JSON.parse(stdout);
  expect(report.checks.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["node", "engine", "home", "disk", "memory", "fog node"]),
  );
  expect(exitCode).toBe(report.ok ? 0 : 1);
  const blocked = join(home, "a-file");
  await writeFile(blocked, "");
  const noHome = await pingo(["doctor", "--json"], { ...env, PINGO_HOME: join(blocked, "home") });
  expect(noHome.exitCode).toBe(1);
  expect(noHome.stdout.trim().split("\n")).toHaveLength(1);
  expect(JSON.parse(noHome.stdout)).toMatchObject({ ok: false });
});

/** Mounts for one process alone: an engine without its library, a home on a small disk. */
const LACKING = `mount -t tmpfs tmpfs "$ENGINE" && mkdir -p "$PINGO_HOME" \
  && mount -t tmpfs -o size=4m tmpfs "$PINGO_HOME" && exec "$NODE" "$MAIN" doctor --json`;

test("doctor on a machine without the engine's library, disk and ports says so, and how to get them", async ({
  skip,
}) => {
  const taken = createServer()
    .listen(4710, "127.0.0.1")
    .on("error", () => undefined); // then another has it
  const engine = createRequire(createRequire(import.meta.url).resolve("@pingo/autograd"));
  const ran = promisify(execFile)("unshare", ["-m", "sh", "-c", LACKING], {
    env: {
      PATH: "/nowhere:/usr/bin:/bin",
      ENGINE: join(dirname(engine.resolve("onnxruntime-node/package.json")), "bin"),
      NODE: process.execPath,
      MAIN,
      PINGO_HOME: join(home, "small"),
      PINGO_FOG: "http://127.0.0.1:9",
    },
  });
  const answer = await ran.then(
    () => null,
    (error: { readonly stdout?: string }) => error.stdout ?? "",
  );
  taken.close();
  if (answer === "") skip("this user may not mount for one process alone");
  const { ok, checks } = JSON.parse(answer ?? "");
  expect(ok).toBe(false);
  const lacking = Object.fromEntries(
    checks
      .filter((check: { ok: boolean }) => !check.ok)
      .map((check: { name: string; remedy: string }) => [check.name, check.remedy]),
  );
  expect(lacking).toMatchObject({
    engine: expect.stringContaining("npm ci"),
    disk: expect.stringContaining("PINGO_HOME"),
    "port 4710": expect.stringContaining("--port"),
    "fog node": expect.stringContaining("pingo up"),
  });
});

test("up refuses a port in use and starts nothing", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const untouched = join(home, "untouched");
  const { exitCode, stderr } = await pingo(["up", "--port", String(port)], { PINGO_HOME: untouched });
  expect(exitCode).toBe(1);
  await expect(readdir(untouched)).rejects.toMatchObject({ code: "ENOENT" });
  expect(stderr).toContain(`port ${port} of this machine is taken`);
  expect(stderr).toContain("(PORT_IN_USE)");
  server.close();
});
