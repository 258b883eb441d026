import { createInterface } from "node:readline/promises";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readAnswer } from "./read-answer.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

function terminal() {
  const input = new PassThrough();
  const lines = createInterface({ input, output: new PassThrough(), terminal: true });
  return { input, ask: (signal = new AbortController().signal) => readAnswer(lines, "How many? ", signal) };
}

test("a line is the answer", async () => {
  const { input, ask } = terminal();
  const answer = ask();
  input.write("three\r");
  expect(await answer).toBe("three");
});

test.each([
  ["Ctrl-C", CTRL_C],
  ["Ctrl-D", CTRL_D],
])("%s leaves", async (_name, key) => {
  const { input, ask } = terminal();
  const answer = ask();
  input.write(key);
  await expect(answer).rejects.toMatchObject({ code: "INTERRUPTED" });
});

test("a terminal that is gone leaves, and so does a signal", async () => {
  const gone = terminal();
  const answer = gone.ask();
  gone.input.end();
  await expect(answer).rejects.toMatchObject({ code: "INTERRUPTED" });
  const stopping = new AbortController();
  const asked = terminal().ask(stopping.signal);
  stopping.abort(new Error("stopping"));
  await expect(asked).rejects.toMatchObject({ code: "INTERRUPTED" });
});
