/** Brings a database to the newest schema: each script once, in order, in one transaction of its own. */
import { readdir, readFile } from "node:fs/promises";
import { assert } from "@pingo/core";
import { sql } from "drizzle-orm";
import { FogError } from "../fault.ts";
import type { Database } from "./database.ts";

const FOLDER = new URL("migrations/", import.meta.url);
const NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

interface Migration {
  readonly version: number;
  readonly script: string;
}

export async function migrate(database: Pick<Database, "sql" | "run">): Promise<void> {
  const known = await readMigrations();
  await database.run("create table if not exists migrations (version integer primary key)");
  const [row] = await database.sql
    .select({ version: sql<number>`coalesce(max(version), 0)`.mapWith(Number) })
    .from(sql`migrations`);
  const found = row?.version ?? 0;
  if (found > known.length) throw new FogError({ code: "DATABASE_NEWER", found, known: known.length });
  for (const { version, script } of known.slice(found)) {
    await database.run(`begin;\n${script}\ninsert into migrations values (${version});\ncommit;`);
  }
}

/** In order; two of one number, or a gap, would leave a database that no later version can tell apart. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number(NAME.exec(name)?.[1]);
      assert(version === index + 1, `migration ${name} is not number ${index + 1}`);
      return { version, script: await readFile(new URL(name, FOLDER), "utf8") };
    }),
  );
}
