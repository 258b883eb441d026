/** A process of its own that makes an empty PGlite cluster in the folder named by its one argument. */
import { PGlite } from "@electric-sql/pglite";
import { assertDefined } from "@pingo/core";

const client = await PGlite.create({
  dataDir: assertDefined(process.argv[2], "make-cluster is started with a folder"),
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
