/** A libp2p stream as a pipe. The connection under it goes with its last channel. */

import type { Connection, Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import type { Clock } from "@pingo/core";
import type { Pipe, PipeListener } from "./pipe.ts";

/** Longest wait for a peer to take the last bytes. */
const CLOSE_MS_MAX = 1_000;

export function createLibp2pPipe(stream: Stream, connection: Connection, clock: Clock): Pipe {
  return {
    send: (bytes) => stream.send(bytes),
    drained: () => stream.onDrain(),
    open: (listener) => listen(stream, listener),
    async close() {
      const late = new AbortController();
      const done = new AbortController();
      clock.sleep(CLOSE_MS_MAX, { signal: done.signal }).then(
        () => late.abort(new Error("the peer does not take the last bytes")),
        () => undefined, // closed in time
      );
      try {
        await stream.close({ signal: late.signal });
        const others = connection.streams.some((other) => other.id !== stream.id);
        if (!others) await connection.close({ signal: late.signal });
      } catch (error) {
        connection.abort(error instanceof Error ? error : new Error(String(error)));
      } finally {
        done.abort();
      }
    },
    abort: (reason) => connection.abort(reason),
  };
}

function listen(stream: Stream, listener: PipeListener): void {
  let ended = false;
  const end = (lost: string | null): void => {
    if (ended) return;
    ended = true;
    listener.ended(lost);
  };
  stream.addEventListener("message", (event: StreamMessageEvent) => listener.received(event.data.subarray()));
  stream.addEventListener("end", () => end(null));
  stream.addEventListener("close", (event: StreamCloseEvent) =>
    end(event.error ? event.error.message : null),
  );
  // It may have ended before anyone listened.
  if (stream.status === "aborted" || stream.status === "reset") end(`the stream was ${stream.status}`);
}
