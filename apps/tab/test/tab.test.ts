/** A browser tab as provider: headless Chromium, the built page, a real fog node. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { formatPingo, type JobView } from "@pingo/core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startWebFog, type WebFog } from "./fog-process.ts";

/** Debian's; without one the tests of this file are skipped, and say so. */
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
const WAIT = { timeout: 90_000, interval: 50 };

describe.skipIf(!existsSync(CHROMIUM))("a tab in Chromium", () => {
  let browser: Browser;
  let fog: WebFog;
  let visitor: BrowserContext;
  const complaints: string[] = [];

  beforeAll(async () => {
    fog = await startWebFog();
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
  });
  afterAll(async () => {
    await browser?.close();
    await fog?.[Symbol.asyncDispose]();
  });
  // Each test is a visitor of its own: another browser profile, another key.
  beforeEach(async () => {
    visitor = await browser.newContext();
    complaints.length = 0;
  });
  afterEach(async () => {
    await visitor.close();
    expect(complaints).toEqual([]);
  });

  const open = async (): Promise<Page> => {
    const page = await visitor.newPage();
    page.setDefaultTimeout(WAIT.timeout);
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(fog.pageUrl);
    await page.getByText("Connected").or(page.getByText("Not lending")).waitFor();
    return page;
  };
  const idOf = (page: Page): Promise<string> =>
    vi.waitFor(async () => {
      const id = (await page.textContent("#provider")) ?? "";
      expect(id).toMatch(/^12D3/);
      return id;
    }, WAIT);
  // Asked from outside: the page's own policy forbids what would be evaluated in it.
  const shows = (page: Page, selector: string, text: string): Promise<void> =>
    vi.waitFor(async () => expect(await page.textContent(selector)).toBe(text), WAIT);
  const offeredBy = async (id: string) => (await fog.providers()).find((provider) => provider.id === id);
  const finished = (job: JobView): Promise<JobView> =>
    vi.waitFor(async () => {
      const view = await fog.job(job);
      expect(view.state).toMatch(/succeeded|failed|stopped/);
      return view;
    }, WAIT);
  /** Playwright keeps every page in front; what the browser would say of one that is not is said here. */
  const hide = (page: Page, isHidden: boolean): Promise<void> =>
    page.evaluate(`
      Object.defineProperty(document, "visibilityState", {
        value: ${isHidden} ? "hidden" : "visible",
        configurable: true,
      });
      document.dispatchEvent(new Event("visibilitychange"));
    `);

  test("it lends nothing before its owner says so, then trains a job alone and has its results signed", async () => {
    const page = await open();
    const id = await idOf(page);
    await vi.waitFor(
      async () => expect(await offeredBy(id)).toMatchObject({ connected: true, slots: 0 }),
      WAIT,
    );
    await page.getByRole("button", { name: "Start lending" }).click();
    const view = await finished(await fog.submit({}));
    expect(view).toMatchObject({ state: "succeeded", round: 3, providers: [id], steps: 48 });
    expect(view.evaluation?.accuracy).toBe(1);
    await shows(page, "#acknowledged", "3");
    expect(await page.textContent("#done-units")).toBe("3");
    expect(await page.textContent("#done-steps")).toBe("48");
    expect(await page.textContent("#done-rows")).toBe("768");
    expect(await page.isVisible("#problem")).toBe(false);
    const earnedNano = await fog.earnedBy(id);
    expect(earnedNano).toBeGreaterThan(0n);
    await shows(page, "#earned", formatPingo(earnedNano));
  });

  test("hidden, it hands in what is done and offers nothing, if so chosen; seen again, it goes on", async () => {
    const page = await open();
    const id = await idOf(page);
    await page.getByLabel("Stop when hidden").check();
    await page.getByRole("button", { name: "Start lending" }).click();
    const job = await fog.submit({ rounds: 2, stepsPerRound: 10_000 });
    await page.getByText(/step \d+ of 10000/).waitFor();
    await hide(page, true);
    await page.getByText("Stopped while this tab is out of sight, as you chose.").waitFor();
    await vi.waitFor(async () => {
      expect(await offeredBy(id)).toMatchObject({ connected: true, slots: 0, busySlots: 0 });
      const { round, steps } = await fog.job(job);
      expect(round).toBe(1);
      expect(steps).toBeGreaterThan(0);
      expect(steps).toBeLessThan(10_000);
    }, WAIT);
    await hide(page, false);
    expect(await finished(job)).toMatchObject({ state: "succeeded", providers: [id] });
  });

  test("it is the same provider after a reload, with its count and its choices; a second tab stands back", async () => {
    const page = await open();
    const id = await idOf(page);
    await page.getByLabel("Only when plugged in").uncheck();
    await page.getByRole("button", { name: "Start lending" }).click();
    await finished(await fog.submit({ rounds: 1 }));
    await shows(page, "#done-units", "1");
    const second = await visitor.newPage();
    await second.goto(fog.pageUrl);
    await second.getByText("Another tab lends already").waitFor();
    await second.close();
    await page.reload();
    expect(await idOf(page)).toBe(id);
    await shows(page, "#done-units", "1");
    expect(await page.getByLabel("Only when plugged in").isChecked()).toBe(false);
    expect(await page.getByRole("button", { name: "Pause" }).isVisible()).toBe(true);
    expect(await finished(await fog.submit({ rounds: 1 }))).toMatchObject({ providers: [id] });
  });

  test("a second tab goes on when the first is closed, as the same provider and by what was chosen last", async () => {
    const page = await open();
    const id = await idOf(page);
    const second = await visitor.newPage();
    await second.goto(fog.pageUrl);
    await second.getByText("Another tab lends already").waitFor();
    await page.getByRole("button", { name: "Start lending" }).click();
    await second.getByRole("button", { name: "Pause" }).waitFor();
    await page.close();
    expect(await idOf(second)).toBe(id);
    expect(await finished(await fog.submit({ rounds: 1 }))).toMatchObject({ providers: [id] });
  });

  test("storage that is cleared in mid-life ends it with a sentence, and its work goes to who comes next", async () => {
    const page = await open();
    const id = await idOf(page);
    await page.getByRole("button", { name: "Start lending" }).click();
    const job = await fog.submit({ rounds: 1, stepsPerRound: 10_000, secondsPerRound: 2 });
    await page.getByText(/step \d+ of 10000/).waitFor();
    const devtools = await visitor.newCDPSession(page);
    const { origin } = new URL(fog.pageUrl);
    await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
    await page.getByText("This tab cannot lend").waitFor();
    expect(await page.textContent("#problem")).toMatch(/the browser has cleared what it kept for this page/);
    await page.reload();
    await page.getByRole("button", { name: "Start lending" }).click();
    const next = await idOf(page);
    expect(next).not.toBe(id);
    expect(await finished(job)).toMatchObject({ state: "succeeded" });
  });

  test.skipIf(availableParallelism() < 2)(
    "more cores or fewer are offered at once, while it lends",
    async () => {
      const page = await open();
      const id = await idOf(page);
      const cores = page.getByLabel("Cores to lend");
      await cores.selectOption("2");
      await page.getByRole("button", { name: "Start lending" }).click();
      for (const slots of [2, 1]) {
        await cores.selectOption(String(slots));
        await vi.waitFor(async () => expect(await offeredBy(id)).toMatchObject({ slots }), WAIT);
      }
    },
  );

  test("on battery it stops, if so chosen, and goes on at the mains", async () => {
    await visitor.addInitScript(() => {
      const battery = Object.assign(new EventTarget(), { charging: true });
      Object.assign(globalThis, { battery });
      Object.defineProperty(globalThis.navigator, "getBattery", { value: async () => battery });
    });
    const charge = (page: Page, isCharging: boolean): Promise<void> =>
      page.evaluate(`battery.charging = ${isCharging}; battery.dispatchEvent(new Event("chargingchange"))`);
    const page = await open();
    const id = await idOf(page);
    await page.getByLabel("Only when plugged in").check();
    await page.getByRole("button", { name: "Start lending" }).click();
    await vi.waitFor(async () => expect(await offeredBy(id)).toMatchObject({ slots: 1 }), WAIT);
    await charge(page, false);
    await page.getByText("Stopped while the computer runs on its battery, as you chose.").waitFor();
    await vi.waitFor(async () => expect(await offeredBy(id)).toMatchObject({ slots: 0 }), WAIT);
    await charge(page, true);
    await vi.waitFor(async () => expect(await offeredBy(id)).toMatchObject({ slots: 1 }), WAIT);
  });

  test("a tab that is closed in mid-unit costs that unit and no more: it is done when somebody lends again", async () => {
    const page = await open();
    const id = await idOf(page);
    await page.getByRole("button", { name: "Start lending" }).click();
    const job = await fog.submit({ rounds: 1, stepsPerRound: 10_000, secondsPerRound: 2 });
    await page.getByText(/step \d+ of 10000/).waitFor();
    await page.close();
    await vi.waitFor(async () => expect(await offeredBy(id)).toMatchObject({ connected: false }), WAIT);
    const next = await open();
    expect(await idOf(next)).toBe(id);
    expect(await finished(job)).toMatchObject({ state: "succeeded" });
  });

  test("a tab and a process train one job side by side, and both count", async () => {
    const page = await open();
    const id = await idOf(page);
    await page.getByRole("button", { name: "Start lending" }).click();
    await fog.startProcess();
    const workers = { min: 2, max: 2, cpuMillicores: 100, memoryBytes: 64 * 2 ** 20 };
    const view = await finished(await fog.submit({ rounds: 2, stepsPerRound: 64 }, { workers }));
    expect(view.state).toBe("succeeded");
    expect(view.providers).toHaveLength(2);
    expect(view.providers).toContain(id);
    // The same steps on the same rows: what a tab is paid does not depend on what it is.
    const [one, other] = await Promise.all(view.providers.map((provider) => fog.earnedBy(provider)));
    expect(one).toBe(other);
    expect(one).toBeGreaterThan(0n);
  });
});

test.skipIf(existsSync(CHROMIUM))("without Chromium a tab is not tested here", ({ skip }) => {
  skip(`${CHROMIUM} is not installed`);
});
