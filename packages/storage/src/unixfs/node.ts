/**
 * Nodes of UnixFS: dag-pb blocks that list the parts of a file or the entries of a folder.
 *
 * SOURCE: https://specs.ipfs.tech/unixfs/
 */
import * as dagPb from "@ipld/dag-pb";
import { type Cid, codecOfCid, parseCid } from "@pingo/core";
import { UnixFS } from "ipfs-unixfs";
import { CID } from "multiformats/cid";
import { StorageError } from "../storage-error.ts";

/** Links of one file node; the width that other IPFS importers use. */
export const LINKS_MAX = 1_024;
/** Of a balanced file (1024³ chunks in 4 levels) or of folders in folders, by whomever written. */
export const DEPTH_MAX = 32;
export const FOLDER_ENTRIES_MAX = 4_096;

/** A part of a file, or an entry of a folder. */
export interface Link {
  readonly cid: Cid;
  /** "" for a part of a file. */
  readonly name: string;
  /** Bytes of all blocks below, its own included; what UnixFS calls Tsize. */
  readonly dagBytes: number;
}

export interface FilePart extends Link {
  /** Bytes of the file that lie below. */
  readonly sizeBytes: number;
}

export type UnixFsNode =
  | {
      readonly kind: "file";
      readonly sizeBytes: number;
      /** Content inside the node itself; we never write any but others do. */
      readonly inline: Uint8Array;
      readonly parts: readonly FilePart[];
    }
  | { readonly kind: "folder"; readonly entries: readonly Link[] };

export function encodeFileNode(parts: readonly FilePart[]): Uint8Array {
  const file = new UnixFS({ type: "file", blockSizes: parts.map((part) => BigInt(part.sizeBytes)) });
  return dagPb.encode(dagPb.prepare({ Data: file.marshal(), Links: parts.map(pbLinkOf) }));
}

export function encodeFolderNode(entries: readonly Link[]): Uint8Array {
  const folder = new UnixFS({ type: "directory" });
  return dagPb.encode(dagPb.prepare({ Data: folder.marshal(), Links: entries.map(pbLinkOf) }));
}

/** @throws {StorageError} DAG_MALFORMED, FOLDER_TOO_WIDE */
export function decodeUnixFsNode(cid: Cid, block: Uint8Array): UnixFsNode {
  if (codecOfCid(cid) === "raw")
    return { kind: "file", sizeBytes: block.byteLength, inline: block, parts: [] };
  if (codecOfCid(cid) !== "dagPb") throw malformed(cid, "it holds a value and not a file");
  const { links, data } = decodePb(cid, block);
  const unixfs = decodeData(cid, data);
  if (unixfs.type === "directory") {
    if (links.length > FOLDER_ENTRIES_MAX) {
      throw new StorageError({ code: "FOLDER_TOO_WIDE", where: cid, entriesMax: FOLDER_ENTRIES_MAX });
    }
    if (new Set(links.map((link) => link.name)).size < links.length)
      throw malformed(cid, "two entries have one name");
    return { kind: "folder", entries: links };
  }
  if (unixfs.type !== "file" && unixfs.type !== "raw") {
    throw malformed(cid, `entries of kind ${unixfs.type} are not supported`);
  }
  return decodeFile(cid, links, unixfs);
}

function decodeFile(cid: Cid, links: readonly Link[], unixfs: UnixFS): UnixFsNode {
  if (links.length !== unixfs.blockSizes.length) throw malformed(cid, "it has not one size for each part");
  const inline = unixfs.data ?? new Uint8Array();
  let sizeBytes = inline.byteLength;
  const parts = links.map((link, i) => {
    const partBytes = Number(unixfs.blockSizes[i] ?? 0n);
    // Parts without bytes would let a small file ask for endless blocks.
    if (!Number.isSafeInteger(partBytes) || partBytes < 1) throw malformed(cid, `part ${i} has no size`);
    sizeBytes += partBytes;
    return { ...link, sizeBytes: partBytes };
  });
  if (!Number.isSafeInteger(sizeBytes)) throw malformed(cid, "its size is not a safe number");
  return { kind: "file", sizeBytes, inline, parts };
}

function decodePb(cid: Cid, block: Uint8Array): { links: readonly Link[]; data: Uint8Array } {
  let node: dagPb.PBNode;
  try {
    node = dagPb.decode(block);
  } catch (cause) {
    throw malformed(cid, "it is not a dag-pb block", cause);
  }
  const links = node.Links.map((link): Link => {
    try {
      // Others name blocks with CIDv0 too: the same hash, always dag-pb.
      const child = parseCid(link.Hash.version === 0 ? link.Hash.toV1().toString() : link.Hash.toString());
      return { cid: child, name: link.Name ?? "", dagBytes: link.Tsize ?? 0 };
    } catch (cause) {
      throw malformed(cid, "one of its links is not a CID PinGo knows", cause);
    }
  });
  return { links, data: node.Data ?? new Uint8Array() };
}

function decodeData(cid: Cid, data: Uint8Array): UnixFS {
  try {
    return UnixFS.unmarshal(data);
  } catch (cause) {
    throw malformed(cid, "its UnixFS part cannot be read", cause);
  }
}

function pbLinkOf(link: Link): dagPb.PBLink {
  return { Name: link.name, Tsize: link.dagBytes, Hash: CID.parse(link.cid) };
}

export function malformed(cid: Cid, why: string, cause?: unknown): StorageError {
  return new StorageError({ code: "DAG_MALFORMED", cid, why }, { cause });
}
