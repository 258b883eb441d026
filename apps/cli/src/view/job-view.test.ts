import { cidOfBytes, type JobEvent, keyPairOfSeed, type NumberedEvent } from "@pingo/core";
import { expect, test } from "vitest";
import { createJobScreen } from "./job-view.ts";
import { createScreen } from "./screen.ts";

const provider = keyPairOfSeed(new Uint8Array(32)).nodeId;
const weights = cidOfBytes(new Uint8Array());
const at = (sequence: number | null, atUnixMs: number, event: JobEvent): NumberedEvent => ({
  sequence,
  atUnixMs,
  event,
});

const STORY: readonly NumberedEvent[] = [
  at(1, 0, {
    type: "accepted",
    name: "tiny",
    rounds: 2,
    memory: { plannedBytes: 14 * 2 ** 20, microBatches: 1, recompute: 1 },
    leftOut: [
      { why: "number", names: ["scale", "eps"], count: 2 },
      { why: "mask", names: ["m1"], count: 7 },
    ],
  }),
  at(2, 0, { type: "waiting", reason: "no provider is connected" }),
  at(3, 1_000, { type: "round-started", round: 1, units: 2, steps: 20 }),
  at(4, 1_000, { type: "leased", round: 1, unit: 0, attempt: 1, provider }),
  at(null, 1_500, { type: "progress", round: 1, unit: 0, provider, step: 5, steps: 10, loss: 2 }),
  at(5, 1_600, { type: "lost", round: 1, unit: 1, provider, reason: "it went away" }),
  at(6, 2_000, {
    type: "delivered",
    round: 1,
    unit: 0,
    provider,
    steps: 10,
    rows: 40,
    loss: 2,
    counted: true,
    peakBytes: 130 * 2 ** 20,
  }),
  at(7, 3_000, { type: "committed", round: 1, rounds: 2, loss: 1.5, steps: 20, rows: 80, weights }),
  at(8, 3_500, { type: "evaluated", round: 1, loss: 1.25, accuracy: 0.5 }),
  at(9, 4_000, { type: "finished", state: "succeeded", reason: null }),
];

function show(options: {
  readonly isJson: boolean;
  readonly isTTY: boolean;
  readonly columns?: number;
}): string {
  let text = "";
  const write = (part: string): boolean => {
    text += part;
    return true;
  };
  const stream = { write, isTTY: options.isTTY, ...(options.columns ? { columns: options.columns } : {}) };
  const shown = createJobScreen(createScreen(stream, { isJson: options.isJson, hasColor: true }));
  for (const event of STORY) shown.show(event);
  shown.end();
  return text;
}

test("without a terminal each round is a plain line", () => {
  expect(show({ isJson: false, isTTY: false }).split("\n")).toEqual([
    'left out "scale", "eps": without an axis, so taken for a constant',
    'left out "m1" and 6 more: taken for a mask by the numbers in it',
    "waiting: no provider is connected",
    expect.stringMatching(/^provider 12D3….{8} lost unit 1 of round 1: it went away; it goes to another$/),
    "round 1/2  loss 1.5000  40 samples/s",
    "round 1/2  held out: loss 1.2500  accuracy 50.00 %",
    "memory 130.0 MiB at most in a worker, 14.0 MiB of it planned for training",
    "",
  ]);
});

test("for a program every event is one line of JSON", () => {
  const lines = show({ isJson: true, isTTY: true }).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(STORY);
});

test("in a terminal the live block never wraps", () => {
  const control = String.fromCharCode(27);
  for (const columns of [50, 80, 200]) {
    const text = show({ isJson: false, isTTY: true, columns });
    expect(text).toContain("accuracy");
    const plain = text.replaceAll(new RegExp(`${control}\\[\\d*[AJm]`, "g"), "");
    const live = plain.split("\n").filter((line) => /^[█▏▎▍▌▋▊▉·]|^loss/.test(line));
    expect(live.length).toBeGreaterThan(0);
    for (const line of live) expect(line.length).toBeLessThanOrEqual(columns);
  }
});
