/** The Disk port over IndexedDB: a file is a value under its path. A write is on the disk once it resolves. */
import { type Disk, DiskError } from "@pingo/core";

/** Of IndexedDB, the part used here: our types are those of Node. SOURCE: https://w3c.github.io/IndexedDB/ */
interface IdbRequest {
  readonly result: unknown;
  readonly error: Error | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}
interface IdbStore {
  get(key: string): IdbRequest;
  put(value: Uint8Array, key: string): IdbRequest;
  delete(key: unknown): IdbRequest;
  getAllKeys(range: unknown): IdbRequest;
}
interface IdbTransaction {
  readonly error: Error | null;
  objectStore(name: string): IdbStore;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
}
interface IdbDatabase {
  createObjectStore(name: string): void;
  transaction(name: string, mode: "readonly" | "readwrite", options: object): IdbTransaction;
  close(): void;
  onclose: (() => void) | null;
}
declare const indexedDB: { open(name: string, version: number): IdbRequest };
declare const IDBKeyRange: { bound(lower: string, upper: string): unknown };

const STORE = "files";
/** After every character that a path of ours has. */
const LAST = "\uffff";

export interface IndexedDisk extends Disk, Disposable {
  /** Rejects once the browser has taken it away in mid-life: whoever clears a site's data does. @throws {DiskError} DISK_FAILED */
  readonly lost: Promise<never>;
}

const CLEARED =
  "the browser has cleared what it kept for this page; reloaded, it starts anew, as another provider";

/** @throws {DiskError} DISK_FAILED where the browser keeps nothing, as some do in private windows */
export async function openIndexedDisk(name: string): Promise<IndexedDisk> {
  const database = await open(name);
  const lost = new Promise<never>((_, reject) => {
    // Not told of a close of our own.
    database.onclose = () => reject(failed(name, new Error(CLEARED)));
  });
  lost.catch(() => undefined); // who has opened it and waits for nothing yet is told later
  const inside = (folder: string): unknown => IDBKeyRange.bound(`${folder}/`, `${folder}/${LAST}`);

  const read = async (path: string): Promise<Uint8Array | undefined> => {
    const found = await within(database, path, "readonly", (store) => store.get(path));
    return found instanceof Uint8Array ? found : undefined;
  };
  return {
    lost,
    read,
    readRange: async (path, offset, length) => (await read(path))?.slice(offset, offset + length),
    async write(path, bytes) {
      // A copy, not a view: the whole buffer under a view would be kept.
      await within(database, path, "readwrite", (store) => store.put(bytes.slice(), path), bytes.byteLength);
    },
    sizeBytes: async (path) => (await read(path))?.byteLength,
    async list(folder) {
      const keys = await within(database, folder, "readonly", (store) => store.getAllKeys(inside(folder)));
      const paths = Array.isArray(keys) ? keys.map(String) : [];
      return [...new Set(paths.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].sort();
    },
    async remove(path) {
      await within(database, path, "readwrite", (store) => {
        store.delete(path);
        return store.delete(inside(path));
      });
    },
    [Symbol.dispose]: () => database.close(),
  };
}

async function open(name: string): Promise<IdbDatabase> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(failed(name, cause));
    let request: IdbRequest;
    try {
      request = indexedDB.open(name, 1);
    } catch (error) {
      fail(error);
      return;
    }
    // SAFETY: what an opened request holds.
    const database = (): IdbDatabase => request.result as IdbDatabase;
    request.onupgradeneeded = () => database().createObjectStore(STORE);
    request.onsuccess = () => resolve(database());
    request.onerror = () => fail(request.error);
    request.onblocked = () => fail(new Error("another tab holds it"));
  });
}

/** The answer of the last request, once the whole transaction is on the disk. */
function within(
  database: IdbDatabase,
  path: string,
  mode: "readonly" | "readwrite",
  task: (store: IdbStore) => IdbRequest,
  bytes = 0,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { transaction, request } = begin(database, path, mode, task);
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => {
      const cause = transaction.error ?? request.error;
      const isFull = cause?.name === "QuotaExceededError";
      reject(isFull ? new DiskError({ code: "DISK_FULL", path, bytes }, { cause }) : failed(path, cause));
    };
  });
}

/** @throws {DiskError} DISK_FAILED where the browser has closed it, which it says a moment later by itself */
function begin(
  database: IdbDatabase,
  path: string,
  mode: "readonly" | "readwrite",
  task: (store: IdbStore) => IdbRequest,
): { readonly transaction: IdbTransaction; readonly request: IdbRequest } {
  try {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    return { transaction, request: task(transaction.objectStore(STORE)) };
  } catch (error) {
    const isClosed = error instanceof Error && error.name === "InvalidStateError";
    throw failed(path, isClosed ? new Error(CLEARED, { cause: error }) : error);
  }
}

function failed(path: string, cause: unknown): DiskError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DiskError({ code: "DISK_FAILED", path, why }, { cause });
}
