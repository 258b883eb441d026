/** WASI's functions on the piece itself: arguments, time, chance, its end. None of them tells anything of the computer. */
import { Errno } from "./errno.ts";
import type { Calls, Guest } from "./guest.ts";
import { PieceEnded } from "./piece-ended.ts";
import type { WasiName } from "./signatures.ts";

type ProcessCall = Exclude<WasiName, `fd_${string}` | `path_${string}`>;

const CLOCK = { realtime: 0, monotonic: 1, processCpu: 2, threadCpu: 3 } as const;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const SUBSCRIPTIONS_MAX = 1_024;
const EVENT_CLOCK = 0;
const ABSOLUTE = 1;
const ABORTED = 134;

export function processCalls(guest: Guest): Calls<ProcessCall> {
  const list = (texts: readonly Uint8Array[]) => ({
    get(pointersAt: number, at: number): void {
      let next = at;
      for (const [i, text] of texts.entries()) {
        guest.memory.setU32(pointersAt + 4 * i, next);
        guest.memory.bytes(next, text.byteLength).set(text);
        next += text.byteLength;
      }
    },
    sizes(countAt: number, bytesAt: number): void {
      guest.memory.setU32(countAt, texts.length);
      guest.memory.setU32(
        bytesAt,
        texts.reduce((sum, text) => sum + text.byteLength, 0),
      );
    },
  });
  const given = list(guest.arguments);
  const environment = list(guest.environment);
  const noSockets = (fd: number): never => {
    guest.descriptors.at(fd);
    throw new Errno("notsup");
  };

  return {
    args_get: given.get,
    args_sizes_get: given.sizes,
    environ_get: environment.get,
    environ_sizes_get: environment.sizes,
    clock_res_get(clock, at) {
      checkClock(clock);
      guest.memory.setU64(at, 1_000n);
    },
    clock_time_get(clock, _precision, at) {
      checkClock(clock);
      guest.memory.setU64(at, clock === CLOCK.realtime ? guest.unixNow() : guest.now());
    },
    poll_oneoff: (at, eventsAt, count, doneAt) => poll(guest, { at, eventsAt, count, doneAt }),
    proc_exit(code) {
      throw new PieceEnded({ code: "EXITED", exitCode: code });
    },
    proc_raise() {
      throw new PieceEnded({ code: "EXITED", exitCode: ABORTED });
    },
    random_get(at, length) {
      const bytes = guest.memory.bytes(at, length);
      for (let i = 0; i < length; i++) bytes[i] = guest.prng.u32() & 255;
    },
    sched_yield: () => undefined,
    sock_accept: noSockets,
    sock_recv: noSockets,
    sock_send: noSockets,
    sock_shutdown: noSockets,
  };
}

function checkClock(clock: number): void {
  if (clock > CLOCK.threadCpu) throw new Errno("inval");
}

interface Poll {
  readonly at: number;
  readonly eventsAt: number;
  readonly count: number;
  readonly doneAt: number;
}

/** Files are always ready. Where only time is waited for, it goes on to the earliest of the times at once. */
function poll(guest: Guest, { at, eventsAt, count, doneAt }: Poll): void {
  if (count === 0 || count > SUBSCRIPTIONS_MAX) throw new Errno("inval");
  const startNs = guest.now();
  const subscriptions = Array.from({ length: count }, (_, i) => {
    const view = guest.memory.view(at + i * SUBSCRIPTION_BYTES, SUBSCRIPTION_BYTES);
    const user = view.getBigUint64(0, true);
    const type = view.getUint8(8);
    if (type > 2) throw new Errno("inval");
    if (type !== EVENT_CLOCK) return { user, type, dueNs: 0n };
    const clock = view.getUint32(16, true);
    checkClock(clock);
    const timeoutNs = view.getBigUint64(24, true);
    const isAbsolute = (view.getUint16(40, true) & ABSOLUTE) !== 0;
    if (!isAbsolute) return { user, type, dueNs: startNs + timeoutNs };
    return { user, type, dueNs: clock === CLOCK.realtime ? guest.toSinceStart(timeoutNs) : timeoutNs };
  });
  const dueNs = subscriptions.map((one) => one.dueNs).reduce((least, one) => (one < least ? one : least));
  guest.sleepUntil(dueNs);
  const due = subscriptions.filter((one) => one.dueNs <= dueNs || one.dueNs <= startNs);
  for (const [i, { user, type }] of due.entries()) {
    const view = guest.memory.view(eventsAt + i * EVENT_BYTES, EVENT_BYTES);
    for (let word = 0; word < EVENT_BYTES; word += 8) view.setBigUint64(word, 0n, true);
    view.setBigUint64(0, user, true);
    view.setUint8(10, type);
  }
  guest.memory.setU32(doneAt, due.length);
}
