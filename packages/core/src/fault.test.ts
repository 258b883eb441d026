import { expect, test } from "vitest";
import { z } from "zod";
import { FaultError, RemoteError, reportOf, type Sentences } from "./fault.ts";
import { parseShape, zCid, zSentence } from "./schema.ts";

type SampleFault = { readonly code: "NO_ROOM"; readonly freeBytes: number } | { readonly code: "GONE" };
const SENTENCES: Sentences<SampleFault> = {
  NO_ROOM: (f) => `only ${f.freeBytes} bytes are free`,
  GONE: () => "it is gone",
};

test("a fault carries its code, its facts and one sentence", () => {
  const error = new FaultError<SampleFault>({ code: "NO_ROOM", freeBytes: 7 }, SENTENCES);
  expect(error.message).toBe("only 7 bytes are free");
  expect(reportOf(error)).toEqual({ code: "NO_ROOM", message: "only 7 bytes are free" });
});

test("a sentence is one line that no terminal obeys, whatever a stranger's names hold", () => {
  const control = String.fromCharCode(27);
  const message = `no tensor "a\nb${control}[2J" here`;
  expect(new RemoteError({ code: "GONE", message }).message).toBe('no tensor "a\\u000ab\\u001b[2J" here');
  expect(parseShape(zSentence, message, "a reason")).toBe('no tensor "a\\u000ab\\u001b[2J" here');
  expect(parseShape(zSentence, "löst – nichts 🙂", "a reason")).toBe("löst – nichts 🙂");
});

test("a bug crosses a border without its insides", () => {
  expect(reportOf(new Error("secret path /home/x")).code).toBe("INTERNAL");
  expect(reportOf(new Error("secret path /home/x")).message).not.toContain("secret");
});

test("a remote fault keeps code and sentence", () => {
  expect(reportOf(new RemoteError({ code: "GONE", message: "it is gone" }))).toEqual({
    code: "GONE",
    message: "it is gone",
  });
});

test("a misfit names what, where and why", () => {
  const schema = z.strictObject({ list: z.array(z.strictObject({ cid: zCid })) });
  expect(() => parseShape(schema, { list: [{ cid: "nonsense" }] }, "the job")).toThrow(
    /the job, at list\.0\.cid: "nonsense" is not a CIDv1/,
  );
  expect(() => parseShape(schema, { list: [], more: 1 }, "the job")).toThrow(/the job: Unrecognized key/);
});
