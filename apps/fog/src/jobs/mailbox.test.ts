import { expect, test } from "vitest";
import { createMailbox } from "./mailbox.ts";

test("tasks run one after another in the order they came, also past one that fails", async () => {
  const mailbox = createMailbox();
  const seen: string[] = [];
  const slow = mailbox.run(async () => {
    await Promise.resolve();
    seen.push("slow");
  });
  const failing = mailbox.run(async () => {
    seen.push("failing");
    throw new RangeError("as it must");
  });
  const last = mailbox.run(async () => seen.push("last"));
  await expect(failing).rejects.toThrow(RangeError);
  await Promise.all([slow, last, mailbox.idle()]);
  expect(seen).toEqual(["slow", "failing", "last"]);
});
