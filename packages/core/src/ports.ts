/**
 * Ports: what library code is handed instead of reaching for the machine.
 *
 * `system/` holds the real ones, `testing/` the ones a test or a simulator drives.
 */

export interface Clock {
  /** Wall time; may jump. For records and what people read. */
  nowUnixMs(): number;
  /** Never goes back. For timeouts and durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

export interface Prng {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, below); 0 < below ≤ 2^32. */
  int(below: number): number;
  /** Uniform in [0, 1). */
  float(): number;
  bytes(length: number): Uint8Array;
}

export type LogFields = Readonly<Record<string, string | number | bigint | boolean | null | undefined>>;

/** A constant event name and fields, never prose. */
export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

/** The part of the file system that PinGo uses. Paths are absolute. Missing files read as undefined. */
export interface Disk {
  read(path: string): Promise<Uint8Array | undefined>;
  readRange(path: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  /**
   * All or nothing: written beside, flushed to the disk, then renamed. What can be had again need not be flushed
   * (`isFlushed`, true unless given): a power cut may then leave a torn file. @throws {DiskError} DISK_FULL and others
   */
  write(path: string, bytes: Uint8Array, options?: { readonly isFlushed?: boolean }): Promise<void>;
  sizeBytes(path: string): Promise<number | undefined>;
  /** Names in a folder, sorted; empty when there is none. */
  list(folder: string): Promise<readonly string[]>;
  /** Removes a file or a whole folder; none is fine. */
  remove(path: string): Promise<void>;
}

export interface HttpRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | null;
}

export interface HttpAnswer {
  /** Whether the status is 2xx. */
  readonly ok: boolean;
  readonly status: number;
  /** Leaving it before its end hangs up. */
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** The part of the web platform's `fetch` that PinGo uses; a test hands in one that drops, delays or alters. */
export type Fetch = (url: string, init?: HttpRequest) => Promise<HttpAnswer>;

export interface Ports {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  readonly disk: Disk;
  readonly fetch: Fetch;
}
