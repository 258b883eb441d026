/** The body of an upload, whole in memory: within limits of size, time and pace, and within the room of all uploads. */
import type { IncomingMessage } from "node:http";
import { type Clock, concatBytes, LIMITS } from "@pingo/core";
import { systemClock } from "@pingo/core/system";
import { UploadError } from "./upload-error.ts";
import type { UploadRoom } from "./upload-room.ts";

/** Of one upload, so that a trickle of bytes cannot hold a connection. */
const UPLOAD_TIMEOUT_MS = 60_000;
/** So long a refused sender waits; five tries outlast uploads that have fallen silent. */
export const UPLOAD_AGAIN_SECONDS = 3;

export interface ReceiveOptions {
  readonly room: UploadRoom;
  readonly bytesMax: number;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Holds its room until it is disposed of. */
export interface ReceivedBody extends Disposable {
  readonly bytes: Uint8Array;
}

/** @throws {UploadError} UPLOAD_TOO_LARGE, UPLOADS_TOO_MANY, UPLOAD_TOO_SLOW, UPLOAD_SILENT, UPLOAD_CUT: nothing is held then */
export async function receiveBody(request: IncomingMessage, options: ReceiveOptions): Promise<ReceivedBody> {
  const { room, bytesMax, clock = systemClock, timeoutMs = UPLOAD_TIMEOUT_MS } = options;
  const tooLarge = (): UploadError => new UploadError({ code: "UPLOAD_TOO_LARGE", bytesMax });
  const tooMany = (): UploadError =>
    new UploadError({
      code: "UPLOADS_TOO_MANY",
      bytesMax: room.bytesMax,
      againSeconds: UPLOAD_AGAIN_SECONDS,
    });
  const announcedBytes = Number(request.headers["content-length"] ?? 0);
  if (announcedBytes > bytesMax) throw tooLarge();
  if (!room.hasRoomFor(announcedBytes)) throw tooMany();

  const chunks: Buffer[] = [];
  let takenBytes = 0;
  let sizeBytes = 0;
  let cameAtMs = clock.monotonicMs();
  const done = new AbortController();
  const giveBack = (): void => {
    chunks.length = 0;
    room.giveBack(takenBytes);
    takenBytes = 0;
  };
  const whole = new Promise<Uint8Array>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      cameAtMs = clock.monotonicMs();
      sizeBytes += chunk.byteLength;
      const taken = sizeBytes > bytesMax ? undefined : room.take(chunk.byteLength);
      if (taken !== undefined) {
        takenBytes += taken;
        chunks.push(chunk);
        return;
      }
      // More may come before whoever waits hears of it.
      request.off("data", take);
      reject(sizeBytes > bytesMax ? tooLarge() : tooMany());
    };
    request.on("data", take);
    request.on("end", () => resolve(concatBytes(chunks.splice(0))));
    request.on("close", () => reject(new UploadError({ code: "UPLOAD_CUT" })));
    request.on("error", (cause) => reject(new UploadError({ code: "UPLOAD_CUT" }, { cause })));
  });
  const expire = async (): Promise<never> => {
    const overAtMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const nowMs = clock.monotonicMs();
      const silentAtMs = cameAtMs + LIMITS.uploadSilenceMsMax;
      if (nowMs >= overAtMs) throw new UploadError({ code: "UPLOAD_TOO_SLOW", timeoutMs });
      if (nowMs >= silentAtMs)
        throw new UploadError({ code: "UPLOAD_SILENT", silenceMs: LIMITS.uploadSilenceMsMax });
      await clock.sleep(Math.min(overAtMs, silentAtMs) - nowMs, { signal: done.signal });
    }
  };
  try {
    const bytes = await Promise.race([whole, expire()]);
    return { bytes, [Symbol.dispose]: giveBack };
  } catch (error) {
    giveBack();
    throw error;
  } finally {
    request.pause();
    request.removeAllListeners("data");
    done.abort();
  }
}
