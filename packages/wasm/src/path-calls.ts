/** WASI's functions on paths. There are no links: what would make one is not supported, and none is ever followed. */
import { assertDefined } from "@pingo/core";
import { Errno } from "./errno.ts";
import { writeFilestat } from "./filestat.ts";
import type { Calls, Guest } from "./guest.ts";
import { existing, type Place, placeOf } from "./paths.ts";
import { RIGHT } from "./rights.ts";
import type { WasiName } from "./signatures.ts";
import { Folder, OutputFile, type TreeNode } from "./tree.ts";

type PathCall = Extract<WasiName, `path_${string}`>;

const OPEN = { create: 1, folder: 2, exclusive: 4, truncate: 8 } as const;
const APPEND = 1;

export function pathCalls(guest: Guest): Calls<PathCall> {
  const { descriptors, quota } = guest;
  const place = (fd: number, at: number, length: number): Place =>
    placeOf(descriptors.folderAt(fd), guest.memory.text(at, length));
  /** Of an entry that may be taken out of its folder. */
  const removable = (found: Place): TreeNode => {
    const node = existing(found);
    if (found.folder.isReadOnly) throw new Errno("rofs");
    if (found.name === "") throw new Errno("inval");
    return node;
  };
  const remove = ({ folder, name, node }: Place): void => {
    folder.entries.delete(name);
    quota.giveEntry();
    if (node instanceof OutputFile) node.unlinked();
  };
  const notSupported = (): never => {
    throw new Errno("notsup");
  };

  return {
    path_create_directory(fd, at, length) {
      const { folder, name, node } = place(fd, at, length);
      if (node !== undefined) throw new Errno("exist");
      folder.addFolder(name, quota);
    },
    path_filestat_get(fd, _flags, at, length, statAt) {
      writeFilestat(guest, existing(place(fd, at, length)), statAt);
    },
    path_filestat_set_times(fd, _flags, at, length) {
      existing(place(fd, at, length));
    },
    path_link: notSupported,
    path_symlink: notSupported,
    path_readlink(fd, at, length) {
      existing(place(fd, at, length));
      throw new Errno("inval");
    },
    path_open(fd, _dirflags, at, length, flags, rights, _inheriting, fdflags, fdAt) {
      const found = place(fd, at, length);
      const canWrite = (rights & RIGHT.write) !== 0n;
      const node = found.node ?? created(found, flags, guest);
      if (found.node !== undefined && (flags & OPEN.exclusive) !== 0 && (flags & OPEN.create) !== 0)
        throw new Errno("exist");
      if (node instanceof Folder) {
        if (canWrite) throw new Errno("isdir");
      } else {
        if (found.mustBeFolder || (flags & OPEN.folder) !== 0) throw new Errno("notdir");
        if (node.isReadOnly && (canWrite || (flags & OPEN.truncate) !== 0)) throw new Errno("rofs");
      }
      const isAppending = (fdflags & APPEND) !== 0;
      const canRead = (rights & RIGHT.read) !== 0n;
      guest.memory.setU32(fdAt, 0); // a bad address is told before anything is open
      const number = descriptors.open({ node, preopen: null, canRead, canWrite, isAppending, offset: 0 });
      if (node instanceof OutputFile && (flags & OPEN.truncate) !== 0) node.resize(0);
      guest.memory.setU32(fdAt, number);
    },
    path_remove_directory(fd, at, length) {
      const found = place(fd, at, length);
      const node = removable(found);
      if (!(node instanceof Folder)) throw new Errno("notdir");
      if (node.entries.size > 0) throw new Errno("notempty");
      remove(found);
    },
    path_unlink_file(fd, at, length) {
      const found = place(fd, at, length);
      if (removable(found) instanceof Folder) throw new Errno("isdir");
      remove(found);
    },
    path_rename(fd, at, length, newFd, newAt, newLength) {
      const from = place(fd, at, length);
      const to = place(newFd, newAt, newLength);
      const node = removable(from);
      to.folder.checkNew(to.name);
      if (to.node === node) return;
      if (to.node !== undefined) {
        if (to.node instanceof Folder && !(node instanceof Folder)) throw new Errno("isdir");
        if (!(to.node instanceof Folder) && node instanceof Folder) throw new Errno("notdir");
        if (to.node instanceof Folder && to.node.entries.size > 0) throw new Errno("notempty");
      }
      if (to.mustBeFolder && !(node instanceof Folder)) throw new Errno("notdir");
      if (node instanceof Folder) node.moveBelow(to.folder);
      if (to.node !== undefined) remove(to);
      from.folder.entries.delete(from.name);
      to.folder.entries.set(to.name, node);
    },
  };
}

function created(found: Place, flags: number, { quota }: Guest): TreeNode {
  const { folder, name, mustBeFolder } = found;
  if ((flags & OPEN.create) === 0) throw new Errno("noent");
  if (mustBeFolder || (flags & OPEN.folder) !== 0) throw new Errno("inval");
  folder.addFile(name, quota);
  return assertDefined(folder.entries.get(name), "it was added");
}
