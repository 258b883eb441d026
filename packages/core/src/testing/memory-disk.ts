import { DiskError } from "../disk-error.ts";
import type { Disk } from "../ports.ts";

export interface MemoryDisk extends Disk {
  readonly files: Map<string, Uint8Array>;
  /** From now on only this many more bytes fit. */
  capacityBytes: number;
  /** Flips one bit of a stored file, as a failing disk would. */
  corrupt(path: string, at: number): void;
}

export function createMemoryDisk(capacityBytes = Number.POSITIVE_INFINITY): MemoryDisk {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    capacityBytes,
    read: async (path) => files.get(path)?.slice(),
    readRange: async (path, offset, length) => files.get(path)?.slice(offset, offset + length),
    async write(path, bytes) {
      const before = files.get(path)?.byteLength ?? 0;
      if (bytes.byteLength - before > this.capacityBytes) {
        throw new DiskError({ code: "DISK_FULL", path, bytes: bytes.byteLength });
      }
      this.capacityBytes -= bytes.byteLength - before;
      files.set(path, bytes.slice());
    },
    sizeBytes: async (path) => files.get(path)?.byteLength,
    async list(folder) {
      const inside = [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(inside.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].sort();
    },
    async remove(path) {
      for (const [name, bytes] of files) {
        if (name !== path && !name.startsWith(`${path}/`)) continue;
        this.capacityBytes += bytes.byteLength;
        files.delete(name);
      }
    },
    corrupt(path, at) {
      const bytes = files.get(path);
      if (bytes) bytes[at] = (bytes[at] ?? 0) ^ 1;
    },
  };
}
