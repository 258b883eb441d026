/**
 * Whole folders of the machine, into blocks and back.
 *
 * On node:fs rather than the Disk port: links must be seen as links, and files are streamed.
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertNever, type Cid } from "@pingo/core";
import type { BlockReader, BlockWriter } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";
import { DEPTH_MAX, decodeUnixFsNode, encodeFolderNode, FOLDER_ENTRIES_MAX, type Link } from "./node.ts";
import { readFileParts } from "./read-file.ts";
import { writeFileSized } from "./write-file.ts";

const NAME_BYTES_MAX = 255;

export interface FolderOptions {
  readonly signal?: AbortSignal;
}

export interface ExportOptions extends FolderOptions {
  /** Of all files together. */
  readonly sizeBytesMax: number;
}

/** A file or a folder with all that is in it. @throws {StorageError} ENTRY_REFUSED for links, sockets and the like */
export async function importFolder(
  blocks: BlockWriter,
  path: string,
  options: FolderOptions = {},
): Promise<Cid> {
  return (await importEntry(blocks, path, "", 1, options)).cid;
}

/** All or nothing: `target` appears once it is whole. @throws {StorageError} EXPORT_TARGET_EXISTS, NAME_REFUSED … */
export async function exportFolder(
  blocks: BlockReader,
  cid: Cid,
  target: string,
  options: ExportOptions,
): Promise<void> {
  if (await kindOf(target)) throw new StorageError({ code: "EXPORT_TARGET_EXISTS", path: target });
  const beside = `${target}.${randomUUID()}.partial`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await exportEntry(blocks, cid, beside, 1, { left: options.sizeBytesMax, ...options });
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
}

async function importEntry(
  blocks: BlockWriter,
  path: string,
  name: string,
  depth: number,
  options: FolderOptions,
): Promise<Link> {
  const kind = await kindOf(path);
  switch (kind) {
    case "file": {
      const file = await writeFileSized(blocks, createReadStream(path, { highWaterMark: 1 << 20 }), options);
      return { cid: file.cid, name, dagBytes: file.dagBytes };
    }
    case "folder":
      return importInto(blocks, path, name, depth, options);
    default:
      throw new StorageError({ code: "ENTRY_REFUSED", path, kind: kind ?? "missing" });
  }
}

async function importInto(
  blocks: BlockWriter,
  path: string,
  name: string,
  depth: number,
  options: FolderOptions,
): Promise<Link> {
  const names = await readdir(path);
  if (depth > DEPTH_MAX) throw new StorageError({ code: "ENTRY_REFUSED", path, kind: "nested too deep" });
  if (names.length > FOLDER_ENTRIES_MAX) {
    throw new StorageError({ code: "FOLDER_TOO_WIDE", where: path, entriesMax: FOLDER_ENTRIES_MAX });
  }
  const entries: Link[] = [];
  for (const inner of names) {
    checkName(inner, path);
    entries.push(await importEntry(blocks, join(path, inner), inner, depth + 1, options));
  }
  const block = encodeFolderNode(entries);
  const cid = await blocks.put(block, "dagPb", options);
  return { cid, name, dagBytes: entries.reduce((sum, entry) => sum + entry.dagBytes, block.byteLength) };
}

/** What may still be written; shared by the whole export. */
interface Allowance extends FolderOptions {
  left: number;
}

async function exportEntry(
  blocks: BlockReader,
  cid: Cid,
  path: string,
  depth: number,
  allowance: Allowance,
): Promise<void> {
  if (depth > DEPTH_MAX) throw new StorageError({ code: "DAG_TOO_DEEP", cid, depthMax: DEPTH_MAX });
  const node = decodeUnixFsNode(cid, await blocks.get(cid, allowance));
  switch (node.kind) {
    case "file":
      return exportFile(blocks, cid, path, allowance);
    case "folder":
      await mkdir(path);
      for (const entry of node.entries) {
        checkName(entry.name, cid);
        await exportEntry(blocks, entry.cid, join(path, entry.name), depth + 1, allowance);
      }
      return;
    default:
      return assertNever(node, "kind of node");
  }
}

async function exportFile(blocks: BlockReader, cid: Cid, path: string, allowance: Allowance): Promise<void> {
  await using file = await open(path, "wx");
  const options = { ...allowance, sizeBytesMax: allowance.left };
  for await (const piece of readFileParts(blocks, cid, options)) {
    await file.write(piece);
    allowance.left -= piece.byteLength;
  }
}

/** Names that would leave the folder, or that some system reads as something else. */
function checkName(name: string, where: string): void {
  const isSafe =
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !/[/\\\0]/.test(name) &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX;
  if (!isSafe) throw new StorageError({ code: "NAME_REFUSED", name: name.slice(0, 80), where });
}

async function kindOf(
  path: string,
): Promise<"file" | "folder" | "a symbolic link" | "a special file" | undefined> {
  try {
    const found = await lstat(path);
    if (found.isFile()) return "file";
    if (found.isDirectory()) return "folder";
    return found.isSymbolicLink() ? "a symbolic link" : "a special file";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
