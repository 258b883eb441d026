import { existsSync } from "node:fs";
import { startTrainer } from "@pingo/autograd";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServedPage, servePage } from "./serve.ts";
import { cancel, train } from "./testing/trials.ts";
import type { Trials } from "./testing/trials-page.ts";

/** Debian's, which .ci/run installs; without one the tests of this file are skipped, and say so. */
const CHROMIUM = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
declare const trials: Trials;

describe.skipIf(!existsSync(CHROMIUM))("in Chromium", { timeout: 120_000 }, () => {
  let browser: Browser;
  let served: ServedPage;
  let page: Page;
  beforeAll(async () => {
    const extra = new Map([["other.wasm", Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)]]);
    served = await servePage(undefined, ["index.html", "testing/trials.html"], extra);
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
    page = await browser.newPage();
    page.setDefaultTimeout(120_000); // the tests' own limit
    page.on("pageerror", (error) => expect.fail(String(error)));
    await page.goto(`${served.url}testing/trials.html`);
    await page.waitForFunction("globalThis.trials !== undefined");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.[Symbol.asyncDispose]();
  });

  test.for(["digits", "chargpt"] as const)(
    "%s trains to the bits of the wasm backend in Node",
    async (name) => {
      const inPage = await page.evaluate((given) => trials.train(given), name);
      expect(inPage).toEqual(await train(name, (program) => startTrainer(program, { backend: "wasm" })));
      expect(inPage).toEqual(await page.evaluate((given) => trials.train(given), name));
    },
  );

  test("a call is stopped while the page stays free, and the trainer goes on from where it was", async () => {
    expect(await page.evaluate(() => trials.cancel())).toEqual({
      why: "the visitor changed his mind",
      isUnchanged: true,
      stepsAfterwards: 1,
    });
  });

  test("another binary than the known one, or none, is refused by name", async () => {
    expect(await page.evaluate(() => trials.startWith("/other.wasm"))).toBe("WASM_UNKNOWN");
    expect(await page.evaluate(() => trials.startWith("/missing.wasm"))).toBe("WASM_MISSING");
  });

  test("the example's page learns the spirals, and stops", async () => {
    await page.goto(served.url);
    // In the page, so that it is stopped in mid-training however slowly this process gets to it.
    await page.evaluate(`new Promise((resolve) => {
      const [progress, start, stop] = ["progress", "start", "stop"].map((id) => document.getElementById(id));
      new MutationObserver((_, observer) => {
        if (!progress.textContent.startsWith("step")) return;
        observer.disconnect();
        stop.click();
        resolve();
      }).observe(progress, { childList: true });
      start.click();
    })`);
    await page.waitForFunction("document.getElementById('progress').textContent === 'stopped'");
    await page.click("#start");
    await page.waitForFunction("document.getElementById('progress').textContent.endsWith('done')");
    const said = (await page.textContent("#progress")) ?? "";
    expect(Number(/loss ([\d.]+)/.exec(said)?.[1])).toBeLessThan(0.2);
  });
});

test("the page bundles without a module of Node in it", async () => {
  await using served = await servePage();
  const html = await (await fetch(served.url)).text();
  const script = /src="(.*?)"/.exec(html)?.[1] ?? "";
  expect(await (await fetch(new URL(script, served.url))).text()).not.toMatch(
    /["']node:|__vite-browser-external/,
  );
});

test.for(["native", "wasm"] as const)("a call in a worker of Node is stopped, %s", async (backend) => {
  expect(await cancel((program) => startTrainer(program, { backend }))).toEqual({
    why: "the visitor changed his mind",
    isUnchanged: true,
    stepsAfterwards: 1,
  });
});
