import { LIMITS } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJobFile, readJobFile } from "./job-file.ts";

const GOOD = `apiVersion: pingo/v1
kind: Train
name: mnist
model: ./model.onnx
data: { train: ./train.safetensors, test: ./test.safetensors }
objective: { loss: softmax-cross-entropy, target: label, metrics: [accuracy] }
optimizer: { adamw: { learningRate: 0.002, weightDecay: 0.01 } }
schedule:  { rounds: 10, stepsPerRound: 50, batchSize: 64, secondsPerRound: 60 }
workers:   { min: 2, max: 8, resources: { cpu: 1000m, memory: 512Mi } }
retry:     { max: 3 }
budget: 5 PINGO
seed: 7
`;

test("a job file's units become ours and what it leaves out has a default", () => {
  const { placeOf, ...job } = parseJobFile(GOOD, "job.yaml");
  expect(job).toEqual({
    name: "mnist",
    model: "./model.onnx",
    data: { train: "./train.safetensors", test: "./test.safetensors" },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: ["accuracy"] },
    optimizer: {
      adamw: { learningRate: 0.002, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    schedule: { rounds: 10, stepsPerRound: 50, batchSize: 64, secondsPerRound: 60 },
    workers: { min: 2, max: 8, cpuMillicores: 1000, memoryBytes: 512 * 2 ** 20 },
    retryMax: 3,
    budgetNano: "5000000000",
    seed: 7,
  });
  expect(placeOf("data.test")).toBe("job.yaml:5:43");
  expect(placeOf("verify.mode")).toBe("job.yaml:1:1");
});

test("only what a job cannot do without must be written", () => {
  const least = GOOD.split("\n")
    .filter((line) => !/^(optimizer|workers|retry|budget|seed)/.test(line))
    .join("\n");
  const job = parseJobFile(least, "job.yaml");
  expect(job.workers).toEqual({ min: 1, max: 8, cpuMillicores: 1000, memoryBytes: 512 * 2 ** 20 });
  expect(job).toMatchObject({ retryMax: 3, budgetNano: "0", seed: 0 });
});

test("JSON is read as well, tabs and all", () => {
  const json = JSON.stringify(
    {
      apiVersion: "pingo/v1",
      kind: "Train",
      name: "j",
      model: "m.onnx",
      data: { train: "t.csv" },
      objective: { loss: "softmax-cross-entropy", target: "label" },
      schedule: { rounds: 1, stepsPerRound: 1, batchSize: 1 },
    },
    null,
    "\t",
  );
  expect(parseJobFile(json, "job.json").data).toEqual({ train: "t.csv", test: null });
});

test("patterns are read where they stand, rates in the order of the file", () => {
  const text = GOOD.replace(
    "optimizer: { adamw: { learningRate: 0.002, weightDecay: 0.01 } }",
    `freeze: ["encoder.*", "*.bias"]
alsoTrain: ["logit_scale"]
optimizer:
  sgd: {}
  decay: { exclude: ["norm.*"] }
  rates: { "z.*": 0.1, "a.*": 2 }`,
  )
    .replace("batchSize: 64", "batchSize: 64, accumulate: 4")
    .replace("target: label", "target: label, output: logits");
  const job = parseJobFile(text, "job.yaml");
  expect(job.freeze).toEqual(["encoder.*", "*.bias"]);
  expect(job.alsoTrain).toEqual(["logit_scale"]);
  expect(job.optimizer).toEqual({
    sgd: { learningRate: 0.01, weightDecay: 0, momentum: 0.9, nesterov: true },
    decay: { exclude: ["norm.*"] },
    rates: [
      { pattern: "z.*", factor: 0.1 },
      { pattern: "a.*", factor: 2 },
    ],
  });
  expect(job.schedule.accumulate).toBe(4);
  expect(job.objective.output).toBe("logits");
});

test("adapters have a rank, and a weight of twice as much, unless the file says otherwise", () => {
  const adaptOf = (lora: string) => parseJobFile(`${GOOD}adapt: { lora: ${lora} }`, "job.yaml").adapt;
  expect(adaptOf('{ targets: ["*.attn.*"] }')).toEqual({
    lora: { rank: 8, alpha: 16, targets: ["*.attn.*"] },
  });
  expect(adaptOf('{ rank: 4, targets: ["*"] }')).toEqual({ lora: { rank: 4, alpha: 8, targets: ["*"] } });
  expect(adaptOf('{ alpha: 1, targets: ["*"] }')).toEqual({ lora: { rank: 8, alpha: 1, targets: ["*"] } });
  expect(parseJobFile(`${GOOD}average: { decay: 0.999 }`, "job.yaml").average).toEqual({ decay: 0.999 });
});

const lineOf = (start: string, line: string): string => GOOD.replace(new RegExp(`^${start}.*$`, "m"), line);

describe("a mistake is one sentence with a code and its place", () => {
  test.each<readonly [string, string, string, string]>([
    [
      "unknown key",
      lineOf("budget", "budgett: 5 PINGO"),
      "JOB_KEY_UNKNOWN",
      'job.yaml:11:1: unknown key "budgett"; did you mean "budget"?',
    ],
    [
      "unknown key inside",
      lineOf("schedule", "schedule: { round: 10, stepsPerRound: 50, batchSize: 64 }"),
      "JOB_KEY_UNKNOWN",
      'job.yaml:8:13: unknown key "round"; did you mean "rounds"?',
    ],
    [
      "unknown key, nothing near",
      lineOf("retry", "retry: { zebra: 3 }"),
      "JOB_KEY_UNKNOWN",
      'job.yaml:10:10: unknown key "zebra"; known here: max',
    ],
    ["missing key", lineOf("model", ""), "JOB_KEY_MISSING", 'job.yaml:1:1: "model" is missing'],
    [
      "missing key inside",
      lineOf("data", "data: { test: ./t.csv }"),
      "JOB_KEY_MISSING",
      'job.yaml:5:7: "data.train" is missing',
    ],
    [
      "wrong type",
      lineOf("seed", "seed: seven"),
      "JOB_VALUE_INVALID",
      'job.yaml:12:7: "seed": expected a number, found "seven"',
    ],
    [
      "fraction",
      lineOf("retry", "retry: { max: 1.5 }"),
      "JOB_VALUE_INVALID",
      'job.yaml:10:15: "retry.max": expected a whole number, found 1.5',
    ],
    [
      "too small",
      lineOf("schedule", "schedule: { rounds: 0, stepsPerRound: 5, batchSize: 4 }"),
      "JOB_VALUE_INVALID",
      'job.yaml:8:21: "schedule.rounds": 0 is too small; at least 1 is expected',
    ],
    [
      "too large",
      lineOf("schedule", "schedule: { rounds: 1, stepsPerRound: 5, batchSize: 9999999 }"),
      "JOB_VALUE_INVALID",
      `job.yaml:8:53: "schedule.batchSize": 9999999 is too large; at most ${LIMITS.batchSizeMax} is expected`,
    ],
    [
      "misspelt value",
      lineOf("objective", "objective: { loss: softmax-crossentropy, target: label }"),
      "JOB_VALUE_INVALID",
      'job.yaml:6:20: "objective.loss": "softmax-crossentropy" is not known; did you mean "softmax-cross-entropy"?',
    ],
    [
      "bad unit",
      lineOf("workers", "workers: { resources: { memory: 512Mb } }"),
      "JOB_VALUE_INVALID",
      'job.yaml:9:33: "workers.resources.memory": "512Mb" is not a size such as "512Mi" or "2G"',
    ],
    [
      "bad money",
      lineOf("budget", "budget: 5 TON"),
      "JOB_VALUE_INVALID",
      'job.yaml:11:9: "budget": "5 TON" is not an amount such as "5 PINGO" or "0.25 PINGO" (at most 9 decimals)',
    ],
    [
      "bad name",
      lineOf("name", "name: My Job"),
      "JOB_VALUE_INVALID",
      'job.yaml:3:7: "name": expected lower-case letters, digits and "-", at most 64',
    ],
    [
      "min over max",
      lineOf("workers", "workers: { min: 9, max: 8 }"),
      "JOB_VALUE_INVALID",
      'job.yaml:9:17: "workers.min": min is larger than max',
    ],
    [
      "kind not built",
      lineOf("kind", "kind: Infer"),
      "JOB_NOT_BUILT",
      'job.yaml:2:7: "kind: Infer" is not built yet; write "kind: Train" or "kind: Run"',
    ],
    [
      "a setting of another loss",
      lineOf("objective", "objective: { loss: huber, target: y, labelSmoothing: 0.1 }"),
      "JOB_VALUE_INVALID",
      'job.yaml:6:54: "objective.labelSmoothing": labelSmoothing means nothing for huber',
    ],
    [
      "two optimizers",
      lineOf("optimizer", "optimizer: { adamw: {}, lion: {} }"),
      "JOB_VALUE_INVALID",
      'job.yaml:7:12: "optimizer": expected exactly one of adamw, sgd, lion, muon',
    ],
    [
      "a decay that says nothing",
      lineOf("optimizer", "optimizer: { sgd: {}, decay: {} }"),
      "JOB_VALUE_INVALID",
      'job.yaml:7:30: "optimizer.decay": expected only, exclude or both',
    ],
    [
      "an unknown key of decay",
      lineOf("optimizer", 'optimizer: { sgd: {}, decay: { excludes: ["*.bias"] } }'),
      "JOB_KEY_UNKNOWN",
      'job.yaml:7:32: unknown key "excludes"; did you mean "exclude"?',
    ],
    [
      "a rate that stands still",
      lineOf("optimizer", 'optimizer: { sgd: {}, rates: { "a.*": 0 } }'),
      "JOB_VALUE_INVALID",
      'job.yaml:7:39: "optimizer.rates.a.*": 0 is too small; more than 0 is expected',
    ],
    [
      "no rates",
      lineOf("optimizer", "optimizer: { sgd: {}, rates: {} }"),
      "JOB_VALUE_INVALID",
      'job.yaml:7:30: "optimizer.rates": expected a pattern and its factor',
    ],
    [
      "a pattern in place of patterns",
      lineOf("retry", "freeze: encoder"),
      "JOB_VALUE_INVALID",
      'job.yaml:10:9: "freeze": expected a list, found "encoder"',
    ],
    [
      "a pattern without quotes",
      lineOf("retry", "freeze: [*.bias]"),
      "JOB_FILE_SYNTAX",
      'a text that begins with "*" or "&" needs quotes',
    ],
    [
      "micro-batches that do not come out even",
      lineOf("schedule", "schedule: { rounds: 1, stepsPerRound: 5, batchSize: 64, accumulate: 3 }"),
      "JOB_VALUE_INVALID",
      'job.yaml:8:69: "schedule.accumulate": it cuts a batch into micro-batches of as many rows, so it must divide batchSize',
    ],
    [
      "adapters of nothing",
      `${GOOD}adapt: { lora: { rank: 4 } }`,
      "JOB_KEY_MISSING",
      'job.yaml:13:16: "adapt.lora.targets" is missing',
    ],
    [
      "an unknown key of adapters",
      `${GOOD}adapt: { lora: { ranks: 4, targets: ["*"] } }`,
      "JOB_KEY_UNKNOWN",
      'job.yaml:13:18: unknown key "ranks"; did you mean "rank"?',
    ],
    [
      "adapters and frozen weights",
      `${GOOD}adapt: { lora: { targets: ["*"] } }\nfreeze: ["a.*"]`,
      "JOB_VALUE_INVALID",
      'job.yaml:14:9: "freeze": with "adapt" nothing but the adapters is trained: leave "freeze" out',
    ],
    [
      "a metric of nothing",
      lineOf("data", "data: { train: ./train.safetensors }"),
      "JOB_VALUE_INVALID",
      'job.yaml:6:67: "objective.metrics": it is measured on data that training does not see: name them as "data.test", or leave "metrics" out',
    ],
    [
      "a mean that never forgets",
      `${GOOD}average: { decay: 1 }`,
      "JOB_VALUE_INVALID",
      'job.yaml:13:19: "average.decay": 1 is too large; less than 1 is expected',
    ],
    [
      "verify not built",
      `${GOOD}verify: { mode: adaptive }`,
      "JOB_NOT_BUILT",
      'job.yaml:13:17: "verify.mode: adaptive" is not built yet; leave "verify" out, or write "verify: { mode: none }"',
    ],
    [
      "key twice",
      `${GOOD}name: again`,
      "JOB_FILE_SYNTAX",
      "job.yaml:13:1: this cannot be read as YAML or JSON: Map keys must be unique",
    ],
    ["broken YAML", lineOf("retry", "retry: { max: 3"), "JOB_FILE_SYNTAX", "job.yaml:11:"],
    ["an alias", lineOf("model", "model: *other"), "JOB_FILE_SYNTAX", "job.yaml:4:8: "],
    [
      "an alias of an anchor",
      lineOf("model", "model: &m a\nfreeze: [*m]"),
      "JOB_FILE_SYNTAX",
      "job.yaml:5:10: ",
    ],
    ["an alias as a key", lineOf("model", "*model : a"), "JOB_FILE_SYNTAX", "job.yaml:4:1: "],
    [
      "two documents",
      `${GOOD}---\n${GOOD}`,
      "JOB_FILE_SYNTAX",
      'job.yaml:13:1: this cannot be read as YAML or JSON: a second document begins here, and a job file holds one; take out the line "---" and put what follows into a file of its own',
    ],
    ["empty", "", "JOB_VALUE_INVALID", "job.yaml:1:1: expected keys and values, found nothing"],
    ["a list", "- 1", "JOB_VALUE_INVALID", "job.yaml:1:1: expected keys and values, found a list"],
    ["too deep", "[".repeat(100_000), "JOB_FILE_SYNTAX", "job.yaml:1:"],
    [
      "too large",
      "#".repeat(LIMITS.jobFileBytesMax + 1),
      "JOB_FILE_TOO_LARGE",
      `job.yaml has ${LIMITS.jobFileBytesMax + 1} bytes`,
    ],
  ])("%s", (_, text, code, sentence) => {
    const { job, problems } = readJobFile(text, "job.yaml");
    expect(job).toBeNull();
    expect(problems[0]?.message).toContain(sentence);
    expect(problems[0]?.code).toBe(code);
    expect(problems[0]?.message).not.toContain("\n");
    expect(() => parseJobFile(text, "job.yaml")).toThrow(sentence);
  });
});

test("every mistake is told, in the order of the lines", () => {
  const bad = lineOf("seed", "sede: 1")
    .replace("rounds: 10", "rounds: ten")
    .replace("kind: Train", "kind: Trian");
  expect(readJobFile(bad, "j").problems.map(String)).toEqual([
    'JobFileError: j:2:7: "kind": "Trian" is not known; did you mean "Train"?',
    'JobFileError: j:8:22: "schedule.rounds": expected a number, found "ten"',
    'JobFileError: j:12:1: unknown key "sede"; did you mean "seed"?',
  ]);
});

test("a number beyond every limit is one mistake", () => {
  for (const rounds of ["9".repeat(25), `-${"9".repeat(25)}`]) {
    const { problems } = readJobFile(GOOD.replace("rounds: 10", `rounds: ${rounds}`), "j");
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^j:8:22: "schedule.rounds": .* is too (large; at most \d{1,7}|small; at least 1) is expected$/,
      ),
    ]);
  }
});

test("a problem is told on one line, whatever the value holds", () => {
  const [problem] = readJobFile(">\np\n", "job.yaml").problems;
  expect(problem?.message).toBe('job.yaml:1:1: expected keys and values, found "p\\u000a"');
});

test("no text makes it throw anything but a fault", () => {
  const pieces = fc.constantFrom(
    ...GOOD.split(/(?<=[\s:{},])/),
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a ",
    "!!x ",
    "\t",
    "- ",
    "? ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      const { job, problems } = readJobFile(parts.join(""), "j");
      expect(job === null).toBe(problems.length > 0);
    }),
    { numRuns: 200 },
  );
});
