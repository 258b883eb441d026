/** A running piece, as its WASI functions share it. */
import { createPrng, LIMITS, type Prng } from "@pingo/core";
import { Descriptors } from "./descriptors.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { Quota } from "./quota.ts";
import type { Params, SIGNATURES, WasiName } from "./signatures.ts";
import { Folder, TextStream, type TreeNode } from "./tree.ts";

export interface GuestOptions {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly input: Folder;
  readonly outputBytesMax: number;
  readonly seed: number;
}

/** Each does its work or throws what went wrong: an Errno is answered, whatever else is thrown ends the piece. */
export type Calls<K extends WasiName = WasiName> = {
  readonly [N in K]: (...args: Params<(typeof SIGNATURES)[N]>) => void;
};

/** Where time begins: every computer must see the same. */
const EPOCH_NS = 946_684_800_000_000_000n; // 2000-01-01
const LOOK_NS = 1_000n;

export class Guest {
  readonly arguments: readonly Uint8Array[];
  readonly environment: readonly Uint8Array[];
  readonly descriptors = new Descriptors();
  readonly quota: Quota;
  readonly stdout = new TextStream("STDOUT_TOO_LARGE", LIMITS.streamBytesMax);
  readonly stderr = new TextStream("STDERR_TOO_LARGE", LIMITS.streamBytesMax);
  readonly output = new Folder({ isReadOnly: false });
  readonly prng: Prng;
  #memory: GuestMemory | undefined;
  #sinceStartNs = 0n;
  /** Weak: a module may make and remove files without end, and none of them is to stay for having been looked at. */
  readonly #inodeByNode = new WeakMap<TreeNode, bigint>();
  #inodes = 0n;

  constructor(options: GuestOptions) {
    this.arguments = options.arguments.map(terminated);
    this.environment = Object.entries(options.environment).map(([key, value]) =>
      terminated(`${key}=${value}`),
    );
    this.quota = new Quota(options.outputBytesMax);
    this.prng = createPrng(options.seed);
    const standard = { preopen: null, isAppending: false, offset: 0 };
    const nothing = new TextStream(null, 0);
    this.descriptors.open({ ...standard, node: nothing, canRead: true, canWrite: false });
    for (const node of [this.stdout, this.stderr])
      this.descriptors.open({ ...standard, node, canRead: false, canWrite: true });
    const folder = { canRead: true, canWrite: true, isAppending: false, offset: 0 };
    this.descriptors.open({ ...folder, node: options.input, preopen: "/input" });
    this.descriptors.open({ ...folder, node: this.output, preopen: "/output" });
  }

  /** Of the module, which is there once it runs. */
  get memory(): GuestMemory {
    if (this.#memory === undefined) throw new TypeError("a module without a start section has not run yet");
    return this.#memory;
  }

  set memory(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Time goes on by being looked at, and by being slept. */
  now(): bigint {
    this.#sinceStartNs += LOOK_NS;
    return this.#sinceStartNs;
  }

  unixNow(): bigint {
    return EPOCH_NS + this.now();
  }

  /** @param untilNs  of `now` */
  sleepUntil(untilNs: bigint): void {
    if (untilNs > this.#sinceStartNs) this.#sinceStartNs = untilNs;
  }

  toSinceStart(unixNs: bigint): bigint {
    return unixNs - EPOCH_NS;
  }

  inodeOf(node: TreeNode): bigint {
    const known = this.#inodeByNode.get(node);
    if (known !== undefined) return known;
    this.#inodes += 1n;
    this.#inodeByNode.set(node, this.#inodes);
    return this.#inodes;
  }
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
