import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

test("Slurm: a script that the shell accepts, last in line, requeued when preempted", () => {
  expect(spawnSync("bash", ["-n", `${FOLDER}slurm.sh`]).status).toBe(0);
  const directives = text("slurm.sh").match(/^#SBATCH .*$/gm) ?? [];
  for (const wanted of ["--requeue", "--nice=2147483645", "--signal=TERM@10"]) {
    expect(directives).toContain(`#SBATCH ${wanted}`);
  }
});

test("HTCondor: each line a command or a comment, and a job that yields to all others", () => {
  const lines = text("htcondor.sub")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const strange = lines.filter((line) => !/^\w+\s*= .+$/.test(line) && !/^queue \d+$/.test(line));
  expect(strange).toEqual([]);
  expect(lines.some((line) => /^nice_user\s+= true$/.test(line))).toBe(true);
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
