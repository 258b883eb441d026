/** Whole DAGs: what one weighs, and carrying one from store to store. */
import { assertNever, type Cid, codecOfCid, decodeCanonical, parseCid, zDatasetManifest } from "@pingo/core";
import { CID } from "multiformats/cid";
import type { BlockReader, Blocks } from "../blocks.ts";
import { forEachParallel } from "../parallel.ts";
import { StorageError } from "../storage-error.ts";
import { DEPTH_MAX, decodeUnixFsNode, malformed, type UnixFsNode } from "./node.ts";

/** 1 TiB in chunks of 1 MiB. */
const DAG_BLOCKS_MAX = 2 ** 20;
const COPIES_AT_ONCE_MAX = 8;

export interface DagOptions {
  readonly blocksMax?: number;
  readonly signal?: AbortSignal;
}

export interface DagStat {
  readonly kind: "file" | "folder" | "value";
  /** Content of its files, each counted as often as it occurs in the tree; 0 for a value. */
  readonly sizeBytes: number;
  /** Different blocks and their bytes. */
  readonly blocks: number;
  readonly bytes: number;
}

export interface CopyProgress {
  /** Blocks that arrived, and their bytes. */
  readonly blocks: number;
  readonly bytes: number;
  /** Blocks that were there before. */
  readonly skipped: number;
}

export interface CopyOptions extends DagOptions {
  /** 1 … 8 */
  readonly parallel?: number;
  /** `from` reads through `to` and keeps there what it can: put again is only what it could not keep. */
  readonly readsThrough?: boolean;
  /** `to` has none of it: it is not asked for each block first. */
  readonly isNew?: boolean;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** Fetches every block below `root`. */
export async function statDag(blocks: BlockReader, root: Cid, options: DagOptions = {}): Promise<DagStat> {
  const get = options.signal ? { signal: options.signal } : {};
  const nodeByCid = new Map<Cid, UnixFsNode>();
  let bytes = 0;
  const count = await walkLevels(root, 1, options, async (cid) => {
    const block = await blocks.get(cid, get);
    bytes += block.byteLength;
    if (codecOfCid(cid) === "dagCbor") return linksOf(cid, block);
    const node = decodeUnixFsNode(cid, block);
    // Content is counted here and not kept.
    nodeByCid.set(cid, node.kind === "file" ? { ...node, inline: new Uint8Array(), parts: [] } : node);
    return linksOfNode(node);
  });
  const kind = nodeByCid.get(root)?.kind ?? "value";
  return { kind, sizeBytes: contentBytes(root, nodeByCid, new Map()), blocks: count, bytes };
}

/**
 * Carries what `to` lacks. A block already there is still looked into: its links may have been lost.
 *
 * Parents arrive before their links, so `to` is whole only once this resolves.
 */
export async function copyDag(
  root: Cid,
  from: BlockReader,
  to: Blocks,
  options: CopyOptions = {},
): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const { onProgress, parallel = COPIES_AT_ONCE_MAX, readsThrough = false, isNew = false, signal } = options;
  const get = signal ? { signal } : {};
  const progress = { blocks: 0, bytes: 0, skipped: 0 };
  const width = Math.max(1, Math.min(parallel, COPIES_AT_ONCE_MAX));
  await walkLevels(root, width, options, async (cid) => {
    const isThere = !isNew && (await to.has(cid, get));
    const isLeaf = codecOfCid(cid) === "raw";
    if (isThere && isLeaf) {
      progress.skipped += 1;
      onProgress?.({ ...progress });
      return [];
    }
    const block = await (isThere ? to : from).get(cid, get);
    if (isThere) progress.skipped += 1;
    else {
      const isKept = readsThrough && (await to.has(cid, get));
      if (!isKept) await to.put(block, codecOfCid(cid), get);
      progress.blocks += 1;
      progress.bytes += block.byteLength;
    }
    onProgress?.({ ...progress });
    return linksOf(cid, block);
  });
  return { blocks: progress.blocks, bytes: progress.bytes };
}

/**
 * The blocks that a block names. Values link by tagged CIDs; a dataset manifest links its shards.
 *
 * @throws {StorageError} DAG_MALFORMED
 */
export function linksOf(cid: Cid, block: Uint8Array): readonly Cid[] {
  const codec = codecOfCid(cid);
  switch (codec) {
    case "raw":
      return [];
    case "dagPb":
      return linksOfNode(decodeUnixFsNode(cid, block));
    case "dagCbor": {
      const value = decodeCanonical(block);
      const manifest = zDatasetManifest.safeParse(value);
      return manifest.success ? manifest.data.shards.map((shard) => shard.cid) : taggedLinks(value);
    }
    default:
      return assertNever(codec, "codec");
  }
}

/** Visits each block once, level by level, and answers how many there were. */
async function walkLevels(
  root: Cid,
  width: number,
  { blocksMax = DAG_BLOCKS_MAX }: DagOptions,
  visit: (cid: Cid) => Promise<readonly Cid[]>,
): Promise<number> {
  const seen = new Set<Cid>([root]);
  let level: Cid[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) throw new StorageError({ code: "DAG_TOO_DEEP", cid: root, depthMax: DEPTH_MAX });
    const next: Cid[] = [];
    await forEachParallel(level, width, async (cid) => {
      for (const link of await visit(cid)) {
        if (seen.has(link)) continue;
        if (seen.size === blocksMax) throw new StorageError({ code: "DAG_TOO_LARGE", cid: root, blocksMax });
        seen.add(link);
        next.push(link);
      }
    });
    level = next;
  }
  return seen.size;
}

function taggedLinks(value: unknown): readonly Cid[] {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return [];
  const cid = CID.asCID(value);
  if (cid !== null) return [parseCid(cid.toString())];
  return Object.values(value).flatMap(taggedLinks);
}

function linksOfNode(node: UnixFsNode): readonly Cid[] {
  return (node.kind === "file" ? node.parts : node.entries).map((link) => link.cid);
}

/** Each folder is added up once, however often it occurs. */
function contentBytes(
  cid: Cid,
  nodeByCid: ReadonlyMap<Cid, UnixFsNode>,
  doneByCid: Map<Cid, number | "open">,
): number {
  const node = nodeByCid.get(cid);
  if (node === undefined) return 0;
  if (node.kind === "file") return node.sizeBytes;
  const done = doneByCid.get(cid);
  if (done === "open") throw malformed(cid, "it contains itself");
  if (done !== undefined) return done;
  doneByCid.set(cid, "open");
  const sizeBytes = node.entries.reduce(
    (sum, entry) => sum + contentBytes(entry.cid, nodeByCid, doneByCid),
    0,
  );
  doneByCid.set(cid, sizeBytes);
  return sizeBytes;
}
