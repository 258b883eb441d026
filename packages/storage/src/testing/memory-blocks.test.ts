import { blocksCompliance } from "./blocks-compliance.ts";
import { createMemoryBlocks } from "./memory-blocks.ts";

blocksCompliance("memory", async () => {
  const blocks = createMemoryBlocks();
  return { blocks, corrupt: async (cid) => blocks.corrupt(cid) };
});
