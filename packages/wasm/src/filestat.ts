/** What a piece learns of a file. Times are all the same: of blocks nobody knows any. SOURCE: WASI preview 1, type filestat. */
import type { Guest } from "./guest.ts";
import type { TreeNode } from "./tree.ts";

/** A stream's is unknown: a terminal would be written to line by line. */
const FILE_TYPE = { stream: 0, folder: 3, file: 4 } as const;

export function fileTypeOf({ kind }: TreeNode): number {
  return FILE_TYPE[kind];
}

export function writeFilestat(guest: Guest, node: TreeNode, at: number): void {
  const view = guest.memory.view(at, 64);
  for (let i = 0; i < 64; i += 8) view.setBigUint64(i, 0n, true);
  view.setBigUint64(8, guest.inodeOf(node), true);
  view.setUint8(16, fileTypeOf(node));
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, BigInt(node.kind === "folder" ? 0 : node.sizeBytes), true);
}
