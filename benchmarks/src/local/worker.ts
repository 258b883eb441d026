/** One process of the local run: the work units of the network, without the network. */
import { openTrainer, type Trainer } from "@pingo/autograd";
import { assertDefined, type Cid } from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { createDiskBlocks, readFile, readShards } from "@pingo/storage";
import { runUnit } from "@pingo/training";
import type { LocalResult, LocalTask } from "./messages.ts";

const GRAPH_BYTES_MAX = 2 ** 28;
const blocks = createDiskBlocks({
  folder: assertDefined(process.argv[2], "a folder of blocks"),
  disk: systemDisk,
});
let open: { readonly graph: Cid; readonly trainer: Trainer } | undefined;

process.on("message", async (task: LocalTask) => {
  process.send?.(await run(task));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function run({ unit, manifest, program, weights }: LocalTask): Promise<LocalResult> {
  if (open?.graph !== program.graph) {
    const graph = await readFile(blocks, program.graph, { sizeBytesMax: GRAPH_BYTES_MAX });
    open = { graph: program.graph, trainer: await openTrainer({ graph, signature: program.signature }) };
  }
  const { trainer } = open;
  await trainer.setFields(await readShards(blocks, manifest, unit.shards));
  const rows = unit.shards.reduce((sum, shard) => sum + shard.rows, 0);
  const { update, rows: seen } = await runUnit(unit, { trainer, weights, rows }, { clock: systemClock });
  return { update, rows: seen };
}
