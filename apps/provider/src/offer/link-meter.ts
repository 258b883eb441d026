/**
 * The speed of the link to the fog node, learned from what is carried anyway: no byte is sent to measure.
 *
 * Blocks travel side by side, so time counts once while any is on its way; and a link is judged by long stretches, since
 * in short ones the wait for the answer is all there is.
 */
import type { BlockCodec, Cid, Clock } from "@pingo/core";
import type { BlockOptions, Blocks } from "@pingo/storage";

/** Of one stretch: less says more of the latency than of the link. */
const STRETCH_BYTES_MIN = 256 * 1024;
/** Each stretch takes this share from what was learned before. */
const FADE = 0.8;

class Direction {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #flying = 0;
  #sinceMs = 0;
  #stretchBytes = 0;
  #bytes = 0;
  #ms = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** 0 while unknown. */
  get bytesPerSecond(): number {
    return this.#ms === 0 ? 0 : Math.round((this.#bytes * 1_000) / this.#ms);
  }

  async carry<T>(transfer: () => Promise<T>, bytesOf: (done: T) => number): Promise<T> {
    if (this.#flying === 0) {
      this.#sinceMs = this.#clock.monotonicMs();
      this.#stretchBytes = 0;
    }
    this.#flying += 1;
    try {
      const done = await transfer();
      this.#stretchBytes += bytesOf(done);
      return done;
    } finally {
      this.#flying -= 1;
      if (this.#flying === 0) this.#learn();
    }
  }

  #learn(): void {
    const ms = this.#clock.monotonicMs() - this.#sinceMs;
    if (this.#stretchBytes < STRETCH_BYTES_MIN || ms <= 0) return;
    this.#bytes = this.#bytes * FADE + this.#stretchBytes;
    this.#ms = this.#ms * FADE + ms;
  }
}

export class LinkMeter {
  readonly #down: Direction;
  readonly #up: Direction;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#down = new Direction(clock);
    this.#up = new Direction(clock);
  }

  get downBytesPerSecond(): number {
    return this.#down.bytesPerSecond;
  }

  get upBytesPerSecond(): number {
    return this.#up.bytesPerSecond;
  }

  /** The same blocks, watched. */
  over(remote: Blocks): Blocks {
    return {
      has: (cid: Cid, options?: BlockOptions) => remote.has(cid, options),
      get: (cid: Cid, options?: BlockOptions) =>
        this.#down.carry(
          () => remote.get(cid, options),
          (bytes) => bytes.byteLength,
        ),
      put: (bytes: Uint8Array, codec?: BlockCodec, options?: BlockOptions) =>
        this.#up.carry(
          () => remote.put(bytes, codec, options),
          () => bytes.byteLength,
        ),
    };
  }
}
