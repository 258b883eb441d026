/** What a piece is told that it may do with a descriptor. Each function decides by itself; libraries ask before they call. */
import type { Descriptor } from "./descriptors.ts";
import { TextStream } from "./tree.ts";

/** SOURCE: WASI preview 1, type rights: the bit of each. */
export const RIGHT = { read: 1n << 1n, write: 1n << 6n } as const;
const ALL = (1n << 30n) - 1n;
/** fd_write, fd_allocate, and the path_ and fd_ functions that create, link, rename, resize, touch or remove. */
const WRITING = [6n, 8n, 9n, 10n, 11n, 12n, 16n, 17n, 19n, 20n, 22n, 23n, 24n, 25n, 26n].reduce(
  (rights, bit) => rights | (1n << bit),
  0n,
);
const SEEKING = (1n << 2n) | (1n << 5n);

export function rightsOf({ node, canRead, canWrite }: Descriptor): {
  readonly base: bigint;
  readonly inheriting: bigint;
} {
  let base = ALL;
  if (!canWrite || node.isReadOnly) base &= ~WRITING;
  if (!canRead) base &= ~RIGHT.read;
  if (node instanceof TextStream) base &= ~SEEKING;
  return { base, inheriting: node.isReadOnly ? ALL & ~WRITING : ALL };
}
