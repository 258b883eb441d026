/** One database, two engines: PostgreSQL where a URL is given, else PGlite in the station's folder. */
import { join } from "node:path";
import { migrate } from "./migrate.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";
import type { Sql } from "./schema.ts";

export interface Database extends AsyncDisposable {
  readonly sql: Sql;
  /** Several statements in one call, outside a prepared statement: for migrations. */
  run(script: string): Promise<void>;
  /** Resolves with why when the database, or the right to it, is gone for good; never while all is well. */
  readonly lost: Promise<string>;
}

export interface DatabasePlace {
  readonly folder: string;
  readonly url: string | undefined;
}

const PGLITE_FOLDER = "database";

export async function openDatabase({ folder, url }: DatabasePlace): Promise<Database> {
  const database =
    url === undefined ? await openPglite(join(folder, PGLITE_FOLDER)) : await openPostgres(url);
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}
