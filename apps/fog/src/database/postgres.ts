/** PostgreSQL: a small pool, and one session that holds the station's right to the database. */
import { drizzle } from "drizzle-orm/node-postgres";
import { Client, Pool } from "pg";
import { FogError } from "../fault.ts";
import type { Database } from "./database.ts";

const CONNECTIONS_MAX = 4;
const CONNECT_TIMEOUT_MS = 5_000;
/** "PinGofog" as a 64-bit number: one advisory lock per database. */
const LOCK_KEY = BigInt(`0x${Buffer.from("PinGofog").toString("hex")}`).toString();

/** @throws {FogError} DATABASE_UNREACHABLE, DATABASE_IN_USE */
export async function openPostgres(url: string): Promise<Database> {
  const where = withoutPassword(url);
  await using held = new AsyncDisposableStack();
  const { holder, lost } = await holdLock(url, where);
  held.defer(() => holder.end());
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // An idle connection that breaks is replaced by the pool; a query under way fails by itself.
  pool.on("error", () => {});
  held.defer(() => pool.end());
  const owned = held.move();
  return {
    sql: drizzle({ client: pool }),
    run: async (script) => {
      await pool.query(script);
    },
    lost,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function holdLock(url: string, where: string): Promise<{ holder: Client; lost: Promise<string> }> {
  const holder = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // The lock is the session's: when the session breaks, another station may take the database.
  const lost = new Promise<string>((resolve) => holder.on("error", (error) => resolve(error.message)));
  let isFree: boolean;
  try {
    await holder.connect();
    const { rows } = await holder.query<{ free: boolean }>("select pg_try_advisory_lock($1) as free", [
      LOCK_KEY,
    ]);
    isFree = rows[0]?.free === true;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new FogError({ code: "DATABASE_UNREACHABLE", where, why }, { cause });
  }
  if (!isFree) {
    await holder.end();
    throw new FogError({ code: "DATABASE_IN_USE", where });
  }
  return { holder, lost };
}

/** By pattern: a URL that only names a socket folder has no host, and is none that URL reads. */
function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:/@]*):.*@/, "$1@").replace(/([?&]password=)[^&]*/g, "$1…");
}
