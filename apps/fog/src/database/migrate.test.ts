import { expect, test } from "vitest";
import { readMigrations } from "./migrate.ts";

test("migrations are numbered from one, each once, and none is empty", async () => {
  const migrations = await readMigrations();
  expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
  for (const { script } of migrations) expect(script).toMatch(/;\s*$/);
});
