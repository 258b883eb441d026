import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("everything has a default and PINGO_HOME moves it all", () => {
  expect(readConfig({})).toMatchObject({
    fogUrl: "http://127.0.0.1:4710",
    logLevel: "info",
    isDebug: false,
    hasColor: true,
  });
  expect(readConfig({ PINGO_HOME: "/x", NO_COLOR: "1", PINGO_DEBUG: "1" })).toMatchObject({
    home: "/x",
    hasColor: false,
    isDebug: true,
  });
});

test("what is misspelt or unknown is refused", () => {
  expect(() => readConfig({ PINGO_HOMES: "/x" })).toThrow(
    expect.objectContaining({
      code: "SETTING_UNKNOWN",
      message: expect.stringContaining("did you mean PINGO_HOME?"),
    }),
  );
  expect(() => readConfig({ PINGO_LOG_LEVEL: "loud" })).toThrow(
    expect.objectContaining({ code: "SETTING_INVALID" }),
  );
});
