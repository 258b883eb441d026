/**
 * An interactive program in small: every 10 ms it is woken, works for about a millisecond, and notes how late it was done.
 *
 * Usage: node tick-probe.ts SECONDS. Prints {"p50Ms","p99Ms","ticks"}; lateness counts from when a tick was due.
 */
const EVERY_MS = 10;
/** About a millisecond; the same arithmetic each time, so that a core that is shared takes longer for it. */
const ROOTS_PER_TICK = 400_000;

const seconds = Number(process.argv[2] ?? 5);
const cell = new Int32Array(new SharedArrayBuffer(4));
const lateMs: number[] = [];
const startMs = performance.now();
let sum = 0;
for (let tick = 1; tick * EVERY_MS < seconds * 1_000; tick++) {
  const dueMs = startMs + tick * EVERY_MS;
  // A timer of the kernel's, not of the event loop, whose millisecond is too coarse.
  Atomics.wait(cell, 0, 0, Math.max(0, dueMs - performance.now()));
  for (let i = 0; i < ROOTS_PER_TICK; i++) sum += Math.sqrt(i);
  lateMs.push(performance.now() - dueMs);
}
lateMs.sort((a, b) => a - b);
const at = (share: number): number => lateMs[Math.floor(share * (lateMs.length - 1))] ?? Number.NaN;
console.log(JSON.stringify({ p50Ms: at(0.5), p99Ms: at(0.99), ticks: lateMs.length, sum }));
