/**
 * Makes a fresh checkout ready: plain JavaScript that Node 18 or newer runs, with nothing installed yet.
 *
 * Installs only when package-lock.json is not the one installed last. Says what it does on stderr, so
 * that stdout stays the program's own.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 18;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stampPath = join(root, "node_modules", ".pingo-setup");
const pinnedNode = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.node;

if (Number(process.versions.node.split(".")[0]) < NODE_MAJOR_MIN) {
  fail(`Node ${process.versions.node} is too old to set PinGo up; install Node 20 or newer from nodejs.org`);
}
const wanted = stampOf();
if (!existsSync(stampPath) || readFileSync(stampPath, "utf8") !== wanted) install();
bundle();

function install() {
  say("installing what PinGo needs (once; about a minute) …");
  rmSync(stampPath, { force: true });
  // onnxruntime-node carries its CPU library in the package; its install step only fetches CUDA.
  npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!isPinnedNodeThere()) npm(["rebuild", "node", "--loglevel=error"]);
  if (!isPinnedNodeThere()) {
    fail(
      `Node ${pinnedNode} did not arrive in node_modules; is "ignore-scripts" set in your npm configuration?`,
    );
  }
  writeFileSync(stampPath, wanted);
  say("installed");
}

function npm(args) {
  const windows = process.platform === "win32";
  const result = spawnSync(windows ? "npm.cmd" : "npm", args, {
    cwd: root,
    shell: windows,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (result.error) fail(`npm could not be started (${result.error.message}); it comes with Node`);
  if (result.status !== 0) fail(`"npm ${args[0]}" failed; the lines above say why`);
}

/** Before any agent is started, and never by one: it takes half a second, a tenth where nothing has changed. */
function bundle() {
  const result = runPinned([join(root, "tools", "bundle-agent.ts")]);
  if (result.status === 0) return;
  say("the provider's agent could not be bundled, so it runs from its sources and takes 16 MB more:");
  say(result.stderr.trim().split("\n").slice(-12).join("\n"));
}

function isPinnedNodeThere() {
  const result = runPinned(["--version"]);
  return result.status === 0 && result.stdout.trim() === `v${pinnedNode}`;
}

function runPinned(args) {
  const binary = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.exe" : "node");
  return spawnSync(binary, args, { encoding: "utf8" });
}

/** Changes when the lockfile does, or when node_modules was made on another kind of machine. */
function stampOf() {
  const lock = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lock).digest("hex")} ${process.platform} ${process.arch}\n`;
}

function say(sentence) {
  process.stderr.write(`pingo: ${sentence}\n`);
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}
