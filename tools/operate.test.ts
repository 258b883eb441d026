import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDER = `${ROOT}docs/operate/`;
const text = (file: string) => readFileSync(`${FOLDER}${file}`, "utf8");

test("Kubernetes: YAML without fault, a class below every other pod that pushes nobody out, no privileges", () => {
  const documents = parseAllDocuments(text("kubernetes.yaml"));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const [priority, daemons] = documents.map((document): unknown => document.toJS());
  expect(priority).toMatchObject({
    kind: "PriorityClass",
    preemptionPolicy: "Never",
    metadata: { name: "pingo-idle" },
  });
  expect(priority).toHaveProperty("value", -1_000_000);
  expect(daemons).toMatchObject({
    kind: "DaemonSet",
    spec: {
      selector: { matchLabels: { app: "pingo-provider" } },
      template: {
        metadata: { labels: { app: "pingo-provider" } },
        spec: {
          priorityClassName: "pingo-idle",
          automountServiceAccountToken: false,
          containers: [
            {
              resources: { requests: { cpu: "1m" } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            },
          ],
        },
      },
    },
  });
});

test("Kubernetes: a folder of the node, made as root's, is handed to the user that the provider runs as", () => {
  const [, daemons] = parseAllDocuments(text("kubernetes.yaml")).map((document): unknown => document.toJS());
  const mount = { name: "state", mountPath: "/var/lib/pingo" };
  expect(daemons).toMatchObject({
    spec: {
      template: {
        spec: {
          securityContext: { runAsNonRoot: true, runAsUser: 1_000 },
          initContainers: [
            {
              command: ["chown", "1000:1000", mount.mountPath],
              securityContext: {
                runAsUser: 0,
                runAsNonRoot: false,
                capabilities: { drop: ["ALL"], add: ["CHOWN"] },
              },
              volumeMounts: [mount],
            },
          ],
          volumes: [{ name: "state", hostPath: { path: mount.mountPath } }, { name: "tmp" }],
        },
      },
    },
  });
  // No other user than this one owns what is mounted, and nothing else of the pod is root's.
  expect(text("kubernetes.yaml").match(/runAsUser: 0/g)).toHaveLength(1);
});

test("Slurm: a script that the shell accepts, last in line, requeued when preempted", () => {
  expect(spawnSync("bash", ["-n", `${FOLDER}slurm.sh`]).status).toBe(0);
  const directives = text("slurm.sh").match(/^#SBATCH .*$/gm) ?? [];
  for (const wanted of ["--requeue", "--nice=2147483645", "--signal=B:TERM@30"]) {
    expect(directives).toContain(`#SBATCH ${wanted}`);
  }
});

test.each([0, 7])(
  "Slurm: SIGTERM to the shell reaches the program, whose word (%i) is the job's, and its folder goes",
  async (status) => {
    const folder = await mkdtemp(join(tmpdir(), "pingo-slurm-"));
    try {
      const bin = join(folder, "node_modules/.bin");
      await mkdir(bin, { recursive: true });
      const signalled = join(folder, "signalled");
      const program = `#!/bin/sh\ntrap "touch '${signalled}'; exit ${status}" TERM\ntouch "$PINGO_HOME/key"; echo up\nwhile :; do sleep 0.05; done\n`;
      await writeFile(join(bin, "node"), program, { mode: 0o755 });
      const env = { PATH: process.env["PATH"], PINGO_ROOT: folder, SLURM_TMPDIR: folder, SLURM_JOB_ID: "42" };
      const shell = spawn("bash", [`${FOLDER}slurm.sh`], { env, stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(shell, "exit");
      await once(shell.stdout, "data");
      expect(existsSync(join(folder, "pingo-42/key"))).toBe(true);
      shell.kill("SIGTERM");
      expect(await exited).toEqual([status, null]);
      expect(existsSync(signalled)).toBe(true);
      expect(existsSync(join(folder, "pingo-42"))).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test("HTCondor: each line a command or a comment, and a job that yields to all others", () => {
  const lines = text("htcondor.sub")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const strange = lines.filter((line) => !/^\w+\s*= .+$/.test(line) && !/^queue \d+$/.test(line));
  expect(strange).toEqual([]);
  expect(lines.some((line) => /^nice_user\s+= true$/.test(line))).toBe(true);
  expect(lines.some((line) => /^transfer_executable\s+= false$/.test(line))).toBe(true);
  expect(lines.at(-1)).toMatch(/^queue /);
});

test("every setting they name exists, and every program of ours", () => {
  const config = readFileSync(`${ROOT}apps/provider/src/config.ts`, "utf8");
  for (const file of readdirSync(FOLDER)) {
    for (const [setting] of text(file).matchAll(/\bPINGO_(?!ROOT)[A-Z_]+\b/g)) {
      expect(config, `${setting} of ${file}`).toContain(`"${setting}"`);
    }
    for (const [, path = ""] of text(file).matchAll(
      /(?:\/opt\/pingo|:-\/opt\/pingo\}"?)\/(apps\/[\w./-]+\.ts)/g,
    )) {
      expect(existsSync(`${ROOT}${path}`), `${path} of ${file}`).toBe(true);
    }
  }
});

test("the container's image is of the Node that this repository pins, and runs as no one in particular", () => {
  const recipe = text("Containerfile");
  const { devDependencies }: { devDependencies: { node: string } } = JSON.parse(
    readFileSync(`${ROOT}package.json`, "utf8"),
  );
  expect(recipe).toContain(`node:${devDependencies.node.split(".")[0]}-`);
  expect(recipe).toMatch(/^USER pingo$/m);
});
