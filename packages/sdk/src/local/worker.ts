/** One process of a local run: the work units of the network, without the network. */
import { openTrainer, type Trainer } from "@pingo/autograd";
import { assertDefined, type Cid, reportOf } from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { createDiskBlocks, readFile, readShards } from "@pingo/storage";
import { runUnit, type UnitResult } from "@pingo/training";
import type { LocalReply, LocalTask } from "./messages.ts";

const GRAPH_BYTES_MAX = 2 ** 28;
const blocks = createDiskBlocks({
  folder: assertDefined(process.argv[2], "a folder of blocks"),
  disk: systemDisk,
});
let open: { readonly graph: Cid; readonly trainer: Trainer; shards: string } | undefined;

process.on("message", async (task: LocalTask) => {
  try {
    reply({ type: "done", result: await run(task) });
  } catch (error) {
    reply({ type: "fault", fault: reportOf(error) });
  }
});
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group of processes: the parent decides what becomes of us.
process.on("SIGINT", () => undefined);
reply({ type: "ready" });

function reply(message: LocalReply): void {
  process.send?.(message, undefined, undefined, (error) => {
    if (error !== null) process.exit(); // nobody is there any more to hear it
  });
}

async function run({ unit, manifest, program, weights }: LocalTask): Promise<UnitResult> {
  if (open?.graph !== program.graph) {
    const graph = await readFile(blocks, program.graph, { sizeBytesMax: GRAPH_BYTES_MAX });
    const trainer = await openTrainer({ graph, signature: program.signature }, { isTuned: true });
    open = { graph: program.graph, trainer, shards: "" };
  }
  const { trainer } = open;
  const shards = unit.shards.map(({ cid }) => cid).join(" ");
  if (open.shards !== shards) {
    await trainer.setFields(await readShards(blocks, manifest, unit.shards));
    open.shards = shards;
  }
  const rows = unit.shards.reduce((sum, shard) => sum + shard.rows, 0);
  const onProgress = ({ step, loss }: { readonly step: number; readonly loss: number }): void =>
    reply({ type: "steps", step, loss });
  return runUnit(unit, { trainer, weights, rows }, { clock: systemClock, onProgress });
}
