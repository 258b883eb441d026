/**
 * A process of its own that makes an empty PGlite cluster in the folder named by its one argument.
 *
 * A fault is one line of JSON on stdout: PGlite's own errors would reach the parent as a stack only.
 */
import { PGlite } from "@electric-sql/pglite";
import { assertDefined, isFault, reportOf } from "@pingo/core";
import { fullDiskOr } from "@pingo/core/system";

const dataDir = assertDefined(process.argv[2], "make-cluster is started with a folder");
try {
  await makeCluster();
} catch (error) {
  const fault = fullDiskOr(dataDir, error);
  if (!isFault(fault)) throw fault;
  process.stdout.write(JSON.stringify(reportOf(fault)));
}

async function makeCluster(): Promise<void> {
  const client = await PGlite.create({
    dataDir,
    postgresqlconf: [
      "shared_buffers = 1MB",
      "wal_buffers = 256kB",
      "max_connections = 4",
      "work_mem = 1MB",
      "maintenance_work_mem = 4MB",
      // Or the folder grows to a gigabyte before old log is used again.
      "min_wal_size = 32MB",
      "max_wal_size = 64MB",
    ],
  });
  await client.close();
}
