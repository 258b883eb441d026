import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@pingo/core/testing";
import { expect, test } from "vitest";
import { startPingo } from "./pingo.ts";

test("fog serve --web builds the page, serves it and prints its address; without it there is none", async () => {
  const home = await mkdtemp(join(tmpdir(), "pingo-lend-"));
  try {
    for (const words of [["--web"], []]) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const serving = startPingo(["fog", "serve", "--port", String(port), ...words], { PINGO_HOME: home });
      try {
        await serving.saw(`at ${url}`);
        const page = await fetch(`${url}/lend/`);
        if (words.length === 0) {
          expect(page.status).toBe(404);
          expect(serving.stdout()).not.toContain("/lend/");
          continue;
        }
        await serving.saw(`lend from a browser at ${url}/lend/`);
        const script = /src="(.*?)"/.exec(await page.text())?.[1] ?? "";
        const answer = await fetch(new URL(script, `${url}/lend/`));
        expect(answer.headers.get("content-type")).toContain("javascript");
        // A bundle for browsers: nothing in it that only Node has.
        expect(await answer.text()).not.toMatch(/["']node:|__vite-browser-external/);
      } finally {
        serving.child.kill("SIGINT");
        await serving.ended;
      }
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
