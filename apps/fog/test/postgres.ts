/** A PostgreSQL of a test's own, where this machine has one and we may start it. */
import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const POSTGRES_BIN = "/usr/lib/postgresql/15/bin";
const SOCKET_USER = "postgres";
/** By its path: a PATH without sbin is common. */
const RUNUSER = "/usr/sbin/runuser";

export const hasPostgres = await Promise.all([access(`${POSTGRES_BIN}/initdb`), access(RUNUSER)]).then(
  () => process.getuid?.() === 0,
  () => false,
);

export interface TestPostgres extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
}

export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "pingo-fog-pg-"));
  await run("chown", [SOCKET_USER, folder]);
  const as = (...command: string[]): Promise<unknown> =>
    run(RUNUSER, ["-u", SOCKET_USER, "--", ...command], { cwd: folder });
  await as(`${POSTGRES_BIN}/initdb`, "-D", `${folder}/data`, "-A", "trust", "--no-sync");
  const options = `-c listen_addresses= -k ${folder}`;
  const control = ["-D", `${folder}/data`, "-w", "-l", `${folder}/log`, "-o", options];
  await as(`${POSTGRES_BIN}/pg_ctl`, ...control, "start");
  return {
    folder,
    url: `postgres://${SOCKET_USER}@/postgres?host=${encodeURIComponent(folder)}`,
    async [Symbol.asyncDispose]() {
      await as(`${POSTGRES_BIN}/pg_ctl`, "-D", `${folder}/data`, "-m", "immediate", "stop");
      await rm(folder, { recursive: true });
    },
  };
}
