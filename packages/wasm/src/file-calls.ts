/** WASI's functions on open files. */
import type { Descriptor } from "./descriptors.ts";
import { Errno } from "./errno.ts";
import { fileTypeOf, writeFilestat } from "./filestat.ts";
import type { Calls, Guest } from "./guest.ts";
import { rightsOf } from "./rights.ts";
import type { WasiName } from "./signatures.ts";
import { Folder, OutputFile, TextStream } from "./tree.ts";

type FileCall = Extract<WasiName, `fd_${string}`>;

const PREOPEN_FOLDER = 0;
const APPEND = 1;
const DIRENT_BYTES = 24;
const SEEK = { set: 0, current: 1, end: 2 } as const;

export function fileCalls(guest: Guest): Calls<FileCall> {
  const { descriptors } = guest;
  const writable = (fd: number): OutputFile => {
    const { node, canWrite } = descriptors.at(fd);
    if (!canWrite || !(node instanceof OutputFile)) throw new Errno(node.isReadOnly ? "rofs" : "badf");
    return node;
  };
  const nothing = (fd: number): void => void descriptors.at(fd);

  return {
    fd_advise: nothing,
    fd_datasync: nothing,
    fd_sync: nothing,
    fd_allocate(fd, offset, length) {
      const file = writable(fd);
      const sizeBytes = toNumber(offset) + toNumber(length);
      if (sizeBytes > file.sizeBytes) file.resize(sizeBytes);
    },
    fd_close: (fd) => descriptors.close(fd),
    fd_fdstat_get(fd, at) {
      const descriptor = descriptors.at(fd);
      const { base, inheriting } = rightsOf(descriptor);
      const view = guest.memory.view(at, 24);
      view.setUint8(0, fileTypeOf(descriptor.node));
      view.setUint16(2, descriptor.isAppending ? APPEND : 0, true);
      view.setBigUint64(8, base, true);
      view.setBigUint64(16, inheriting, true);
    },
    fd_fdstat_set_flags(fd, flags) {
      descriptors.at(fd).isAppending = (flags & APPEND) !== 0;
    },
    fd_fdstat_set_rights: nothing,
    fd_filestat_get: (fd, at) => writeFilestat(guest, descriptors.at(fd).node, at),
    fd_filestat_set_size: (fd, sizeBytes) => writable(fd).resize(toNumber(sizeBytes)),
    fd_filestat_set_times: nothing,
    fd_prestat_get(fd, at) {
      const { preopen } = descriptors.at(fd);
      if (preopen === null) throw new Errno("inval");
      guest.memory.setU32(at, PREOPEN_FOLDER);
      guest.memory.setU32(at + 4, preopen.length);
    },
    fd_prestat_dir_name(fd, at, length) {
      const { preopen } = descriptors.at(fd);
      if (preopen === null) throw new Errno("inval");
      if (length < preopen.length) throw new Errno("nametoolong");
      new TextEncoder().encodeInto(preopen, guest.memory.bytes(at, length));
    },
    fd_read(fd, vectors, count, doneAt) {
      const descriptor = descriptors.at(fd);
      const done = read(descriptor, guest.memory.vectors(vectors, count), descriptor.offset);
      descriptor.offset += done;
      guest.memory.setU32(doneAt, done);
    },
    fd_pread(fd, vectors, count, offset, doneAt) {
      const done = read(seekable(fd), guest.memory.vectors(vectors, count), toNumber(offset));
      guest.memory.setU32(doneAt, done);
    },
    fd_write(fd, vectors, count, doneAt) {
      const descriptor = descriptors.at(fd);
      const pieces = guest.memory.vectors(vectors, count);
      if (descriptor.isAppending)
        descriptor.offset = descriptor.node instanceof Folder ? 0 : descriptor.node.sizeBytes;
      const done = write(descriptor, pieces, descriptor.offset);
      descriptor.offset += done;
      guest.memory.setU32(doneAt, done);
    },
    fd_pwrite(fd, vectors, count, offset, doneAt) {
      const done = write(seekable(fd), guest.memory.vectors(vectors, count), toNumber(offset));
      guest.memory.setU32(doneAt, done);
    },
    fd_readdir(fd, at, length, cookie, usedAt) {
      const buffer = guest.memory.bytes(at, length);
      let used = 0;
      for (const entry of direntsOf(guest, descriptors.folderAt(fd), toNumber(cookie))) {
        const piece = entry.subarray(0, length - used);
        buffer.set(piece, used);
        used += piece.byteLength;
        if (used === length) break;
      }
      guest.memory.setU32(usedAt, used);
    },
    fd_renumber: (from, to) => descriptors.renumber(from, to),
    fd_seek(fd, offset, whence, newAt) {
      const descriptor = seekable(fd);
      const { node } = descriptor;
      const bases: Readonly<Record<number, number>> = {
        [SEEK.set]: 0,
        [SEEK.current]: descriptor.offset,
        [SEEK.end]: node instanceof Folder ? 0 : node.sizeBytes,
      };
      const base = bases[whence];
      const target = base === undefined ? -1 : base + Number(BigInt.asIntN(64, offset));
      if (!Number.isSafeInteger(target) || target < 0) throw new Errno("inval");
      descriptor.offset = target;
      guest.memory.setU64(newAt, BigInt(target));
    },
    fd_tell: (fd, at) => guest.memory.setU64(at, BigInt(seekable(fd).offset)),
  };

  function seekable(fd: number): Descriptor {
    const descriptor = descriptors.at(fd);
    if (descriptor.node instanceof TextStream) throw new Errno("spipe");
    if (descriptor.node instanceof Folder) throw new Errno("isdir");
    return descriptor;
  }
}

/** @throws {Errno} inval beyond what counts exactly */
export function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Errno("inval");
  return Number(value);
}

function read({ node, canRead }: Descriptor, pieces: readonly Uint8Array[], from: number): number {
  if (!canRead) throw new Errno("badf");
  if (node instanceof Folder) throw new Errno("isdir");
  if (node instanceof TextStream) return 0;
  let done = 0;
  for (const piece of pieces) {
    const got = node.read(from + done, piece);
    done += got;
    if (got < piece.byteLength) break;
  }
  return done;
}

function write({ node, canWrite }: Descriptor, pieces: readonly Uint8Array[], at: number): number {
  if (node instanceof Folder) throw new Errno("isdir");
  if (!canWrite || node.isReadOnly) throw new Errno("badf");
  let done = 0;
  for (const piece of pieces) {
    if (node instanceof TextStream) done += node.append(piece);
    else if (node instanceof OutputFile) done += node.write(at + done, piece);
  }
  return done;
}

/** By name, so that the order is the same everywhere. */
function* direntsOf(guest: Guest, folder: Folder, from: number): Generator<Uint8Array> {
  const names = [...folder.entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  const entries = [".", "..", ...names];
  for (let i = from; i < entries.length; i++) {
    const name = new TextEncoder().encode(entries[i]);
    const node = folder.entries.get(entries[i] ?? "") ?? folder;
    const dirent = new Uint8Array(DIRENT_BYTES + name.byteLength);
    const view = new DataView(dirent.buffer);
    view.setBigUint64(0, BigInt(i + 1), true);
    view.setBigUint64(8, guest.inodeOf(node), true);
    view.setUint32(16, name.byteLength, true);
    view.setUint8(20, fileTypeOf(node));
    dirent.set(name, DIRENT_BYTES);
    yield dirent;
  }
}
