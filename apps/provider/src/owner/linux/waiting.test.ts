import { expect, test } from "vitest";
import type { OsView } from "../os-view.ts";
import { WaitingWorkers } from "./waiting.ts";

/** Two workers, as /proc tells of them at this moment. */
function kernel(
  of: () => Readonly<Record<number, { readonly state: string; readonly ranMs: number }>>,
): OsView {
  return {
    text: async () => null,
    textNow: (path) => {
      const [, pid, file] = path.split("/");
      const worker = of()[Number(pid)];
      if (worker === undefined) return null;
      if (file === "schedstat") return `${worker.ranMs * 1e6} 123456 7\n`;
      return `${pid} (a (strange) name) ${worker.state} 1 1 1 0 -1\n`;
    },
    names: async () => [],
    readAtUnixMs: async () => null,
    run: async () => null,
    converse: async () => null,
  };
}

test("what a worker that wants a core did not run is what it waited", () => {
  let now = { 7: { state: "R", ranMs: 1_000 }, 8: { state: "R", ranMs: 500 } };
  const workers = new WaitingWorkers(kernel(() => now));
  expect(workers.look(0, [7, 8])).toMatchObject({ waitedMs: 0, waitedErrorMs: 8, waiters: 2 });
  now = { 7: { state: "R", ranMs: 1_040 }, 8: { state: "R", ranMs: 510 } };
  expect(workers.look(40, [7, 8]).waitedMs).toBe(30);
});

test("as long as one of them waits, one waits; what they ran counts also of those that do not want a core", () => {
  let now = { 7: { state: "R", ranMs: 0 }, 8: { state: "S", ranMs: 0 } };
  const workers = new WaitingWorkers(kernel(() => now));
  workers.look(0, [7, 8]);
  now = { 7: { state: "R", ranMs: 10 }, 8: { state: "R", ranMs: 5 } };
  expect(workers.look(40, [7, 8])).toMatchObject({ waitedMs: 30, anyWaitedMs: 30, ranMs: 15 });
  now = { 7: { state: "R", ranMs: 30 }, 8: { state: "R", ranMs: 10 } };
  expect(workers.look(80, [7, 8])).toMatchObject({ waitedMs: 85, anyWaitedMs: 65, ranMs: 40 });
});

test("one that sleeps or stands still at either look does not wait, nor one that is new", () => {
  let now: Record<number, { state: string; ranMs: number }> = { 7: { state: "S", ranMs: 0 } };
  const workers = new WaitingWorkers(kernel(() => now));
  workers.look(0, [7]);
  now = { 7: { state: "R", ranMs: 0 } };
  expect(workers.look(40, [7]).waitedMs).toBe(0);
  now = { 7: { state: "T", ranMs: 0 } };
  expect(workers.look(80, [7]).waitedMs).toBe(0);
  now = { 7: { state: "R", ranMs: 0 }, 8: { state: "R", ranMs: 0 } };
  expect(workers.look(120, [7, 8])).toMatchObject({ waitedMs: 0, waitedErrorMs: 8, waiters: 2 });
  now = {};
  expect(workers.look(160, [7, 8])).toMatchObject({ waitedMs: 0, waitedErrorMs: 0, waiters: 0 });
});
