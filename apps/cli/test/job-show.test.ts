/** `pingo job show` of a job that nobody works on yet. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pingo, serveFog } from "./pingo.ts";
import { writeTinyJob } from "./tiny-job.ts";

test("what the trainer leaves out by a guess is shown without following the job, and nothing where it trains all", async () => {
  const home = await mkdtemp(join(tmpdir(), "pingo-show-"));
  {
    await using fog = await serveFog(home);
    const shown = async (hasAside: boolean) => {
      const file = await writeTinyJob(home, { rounds: 1, hasAside });
      const id = (await pingo(["job", "submit", file], fog.env)).stdout.trim().split("\n").at(-1) ?? "";
      const [lines, json] = [
        await pingo(["job", "show", id], fog.env),
        await pingo(["job", "show", id, "--json"], fog.env),
      ];
      expect([lines.stderr, json.stderr]).toEqual(["", ""]);
      return { lines: lines.stdout, json: JSON.parse(json.stdout) };
    };
    const aside = await shown(true);
    expect(aside.lines).toMatch(/^left out +"aside": no gradient comes to it from the output$/m);
    expect(aside.json).toMatchObject({
      state: "queued",
      leftOut: [{ why: "unreached", names: ["aside"], count: 1 }],
    });
    const whole = await shown(false);
    expect(whole.lines).toMatch(/^state +queued/m);
    expect(whole.lines).not.toContain("left out");
    expect(whole.json).not.toHaveProperty("leftOut");
  }
  await rm(home, { recursive: true });
});
