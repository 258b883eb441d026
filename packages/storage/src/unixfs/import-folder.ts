/**
 * Whole folders of the machine, into blocks.
 *
 * On node:fs rather than the Disk port: links must be seen as links, and files are streamed.
 */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Cid } from "@pingo/core";
import type { BlockWriter } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";
import { checkName, createEntryCount, entryAt, onDisk } from "./folder-entry.ts";
import { DEPTH_MAX, encodeFolderNode, FOLDER_ENTRIES_MAX, type Link } from "./node.ts";
import { writeFileSized } from "./write-file.ts";

export interface FolderOptions {
  /** Files and folders of the whole tree. */
  readonly entriesMax?: number;
  readonly signal?: AbortSignal;
}

export interface FolderSurvey {
  readonly files: number;
  /** Of all files together. */
  readonly sizeBytes: number;
}

/** A file or a folder with all that is in it. @throws {StorageError} as surveyFolder */
export async function importFolder(
  blocks: BlockWriter,
  path: string,
  options: FolderOptions = {},
): Promise<Cid> {
  return (await importTree(blocks, await treeAt(path, options), options)).cid;
}

/**
 * What importFolder would read, looked at and not read.
 *
 * @throws {StorageError} ENTRY_REFUSED for links, sockets and the like; NAME_REFUSED, FOLDER_TOO_WIDE, FOLDER_TOO_LARGE
 */
export async function surveyFolder(path: string, options: FolderOptions = {}): Promise<FolderSurvey> {
  return surveyOf(await treeAt(path, options));
}

interface Entry {
  readonly path: string;
  /** "" at the top. */
  readonly name: string;
}
type Tree = Entry &
  (
    | { readonly kind: "file"; readonly sizeBytes: number }
    | { readonly kind: "folder"; readonly entries: readonly Tree[] }
  );

/** All of it is looked at before any of it is stored: what is refused changes nothing. */
function treeAt(path: string, { entriesMax }: FolderOptions): Promise<Tree> {
  const count = createEntryCount(path, entriesMax);
  const visit = async (entry: Entry, depth: number): Promise<Tree> => {
    count();
    const found = await entryAt(entry.path);
    if (found?.kind === "file") return { ...entry, kind: "file", sizeBytes: found.sizeBytes };
    if (found?.kind !== "folder") throw refused(entry.path, found?.kind ?? "missing");
    if (depth > DEPTH_MAX) throw refused(entry.path, "nested too deep");
    const names = await onDisk(entry.path, () => readdir(entry.path));
    if (names.length > FOLDER_ENTRIES_MAX) {
      throw new StorageError({ code: "FOLDER_TOO_WIDE", where: entry.path, entriesMax: FOLDER_ENTRIES_MAX });
    }
    const entries: Tree[] = [];
    for (const name of names) {
      checkName(name, entry.path);
      entries.push(await visit({ path: join(entry.path, name), name }, depth + 1));
    }
    return { ...entry, kind: "folder", entries };
  };
  return visit({ path, name: "" }, 1);
}

function surveyOf(tree: Tree): FolderSurvey {
  if (tree.kind === "file") return { files: 1, sizeBytes: tree.sizeBytes };
  return tree.entries
    .map(surveyOf)
    .reduce(
      (sum, { files, sizeBytes }) => ({ files: sum.files + files, sizeBytes: sum.sizeBytes + sizeBytes }),
      { files: 0, sizeBytes: 0 },
    );
}

function refused(path: string, kind: string): StorageError {
  return new StorageError({ code: "ENTRY_REFUSED", path, kind });
}

async function importTree(blocks: BlockWriter, tree: Tree, options: FolderOptions): Promise<Link> {
  const { name, path } = tree;
  if (tree.kind === "file") {
    const read = (): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: 1 << 20 });
    const file = await onDisk(path, () => writeFileSized(blocks, read(), options));
    return { cid: file.cid, name, dagBytes: file.dagBytes };
  }
  const entries: Link[] = [];
  for (const entry of tree.entries) entries.push(await importTree(blocks, entry, options));
  const block = encodeFolderNode(entries);
  const cid = await blocks.put(block, "dagPb", options);
  return { cid, name, dagBytes: entries.reduce((sum, entry) => sum + entry.dagBytes, block.byteLength) };
}
