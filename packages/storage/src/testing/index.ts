/** Blocks in memory, and what every store of blocks must do. */
export { blocksCompliance } from "./blocks-compliance.ts";
export { createMemoryBlocks, type MemoryBlocks } from "./memory-blocks.ts";
