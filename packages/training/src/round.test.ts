import type { NodeId } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { reduceRound } from "./round.ts";
import {
  isLeaseHeld,
  type LossCause,
  nextTickMs,
  openRound,
  RELEASES_MAX,
  type RoundAction,
  type RoundEvent,
  type RoundState,
  roundRules,
  summaryOf,
  waitingUnits,
} from "./round-state.ts";
import { arbGame, checkGame, playGame } from "./testing/round-game.ts";
import { cidOf, leaseOf, providerOf } from "./testing/shapes.ts";

const [ada, ben, cem] = [providerOf(0), providerOf(1), providerOf(2)];
const everyone = new Set([ada, ben, cem]);
const delivery = { update: cidOf("update"), steps: 10, rows: 80, lossMean: 0.5 };

/** An event without its time, or a number of milliseconds to wait. */
type Step = WithoutTime<RoundEvent> | number;
type WithoutTime<E> = E extends RoundEvent ? Omit<E, "atMs"> : never;

function play(
  units: number,
  retryMax: number,
  steps: readonly Step[],
  isWhole = false,
): { state: RoundState; actions: RoundAction[] } {
  const rules = roundRules({ units, retryMax, isWhole, deadlineMs: 60_000 });
  let state = openRound({ units, rules, atMs: 0 });
  const actions: RoundAction[] = [];
  let atMs = 0;
  for (const step of steps) {
    if (typeof step === "number") atMs += step;
    const event = typeof step === "number" ? { type: "tick" as const } : step;
    // SAFETY: an event without its time, given one.
    const reduced = reduceRound(state, { ...event, atMs } as RoundEvent);
    state = reduced.state;
    actions.push(...reduced.actions);
  }
  return { state, actions };
}

const lease = (unit: number, id: number, provider: NodeId, untilMs = 1_000): Step => ({
  type: "leased",
  unit,
  lease: leaseOf(id),
  provider,
  untilMs,
});
const deliver = (id: number, provider: NodeId): Step => ({
  type: "delivered",
  lease: leaseOf(id),
  provider,
  delivery,
});
const lose = (id: number, cause: LossCause = "disconnected"): Step => ({
  type: "lost",
  lease: leaseOf(id),
  cause,
  reason: "gone",
});
const types = (actions: readonly RoundAction[]): string[] => actions.map(({ type }) => type);

test("a round commits as soon as every unit is delivered, in the order of the units", () => {
  const { state, actions } = play(2, 0, [
    lease(0, 1, ada),
    lease(1, 2, ben),
    deliver(2, ben),
    deliver(1, ada),
  ]);
  expect(state.phase).toBe("committed");
  const commit = actions.at(-1);
  expect(
    commit?.type === "commit" && commit.deliveries.map(({ unit, provider }) => [unit, provider]),
  ).toEqual([
    [0, ada],
    [1, ben],
  ]);
});

test("with a quorum the others have a grace window; then the round commits without them", () => {
  const steps: Step[] = [
    ...[lease(0, 1, ada, 1e6), lease(1, 2, ben, 1e6), lease(2, 3, cem, 1e6), 10_000],
    ...[deliver(1, ada), deliver(2, ben)],
  ];
  const open = play(3, 0, steps);
  expect([open.state.phase, nextTickMs(open.state)]).toEqual(["open", 20_000]);
  expect(play(3, 0, [...steps, 9_999]).state.phase).toBe("open");
  const closed = play(3, 0, [...steps, 10_000]);
  expect(closed.state.phase).toBe("committed");
  expect(types(closed.actions).slice(-2)).toEqual(["commit", "revoke"]);
  expect(isLeaseHeld(closed.state, leaseOf(3))).toBe(false);
});

test("a lease that no heartbeat renews is lost, and its unit waits for another provider", () => {
  const beat: Step = { type: "heartbeat", lease: leaseOf(1), untilMs: 1_500 };
  const held = play(1, 1, [lease(0, 1, ada), 900, beat, 599]);
  expect(isLeaseHeld(held.state, leaseOf(1))).toBe(true);
  const lost = play(1, 1, [lease(0, 1, ada), 900, beat, 600]);
  expect(lost.actions).toMatchObject([{ type: "lost", unit: 0, provider: ada, cause: "expired" }]);
  expect(waitingUnits(lost.state, everyone)).toEqual([{ unit: 0, attempt: 2, excluded: [] }]);
});

test("heartbeats do not renew a lease for ever: who never delivers loses it and is excluded", () => {
  const { leaseMsMax } = roundRules({ units: 1, retryMax: 1, deadlineMs: 60_000 });
  const beat: Step = { type: "heartbeat", lease: leaseOf(1), untilMs: 10 * leaseMsMax };
  const held = play(1, 1, [lease(0, 1, ada), 900, beat, leaseMsMax - 901]);
  expect(isLeaseHeld(held.state, leaseOf(1))).toBe(true);
  const lost = play(1, 1, [lease(0, 1, ada), 900, beat, leaseMsMax - 901, beat, 1]);
  expect(lost.actions).toMatchObject([{ type: "lost", cause: "fault", reason: "no result came in 480 s" }]);
  expect(waitingUnits(lost.state, everyone)[0]?.excluded).toEqual([ada]);
});

test("a provider that failed at a unit is excluded from it, unless nobody else is there", () => {
  const { state } = play(1, 3, [lease(0, 1, ada), lose(1, "fault")]);
  expect(waitingUnits(state, everyone)[0]?.excluded).toEqual([ada]);
  expect(waitingUnits(state, new Set([ada]))[0]?.excluded).toEqual([]);
});

test("after retryMax + 1 attempts a unit is given up, and without a quorum the round fails with the reason", () => {
  const { state, actions } = play(1, 1, [lease(0, 1, ada), lose(1), lease(0, 2, ben), lose(2)]);
  expect(state.phase).toBe("failed");
  expect(actions.at(-1)).toEqual({ type: "fail", unit: 0, attempts: 2, reason: "gone" });
});

test("an attempt that an owner cut off is no failure, though not for ever", () => {
  const cutOff = (times: number): Step[] =>
    Array.from({ length: times }, (_, i) => [lease(0, i, ada), lose(i, "released")]).flat();
  expect(play(1, 0, cutOff(RELEASES_MAX)).state.phase).toBe("open");
  expect(play(1, 0, [...cutOff(RELEASES_MAX), lease(0, 99, ben), deliver(99, ben)]).state.phase).toBe(
    "committed",
  );
  expect(play(1, 0, cutOff(RELEASES_MAX + 1)).state.phase).toBe("failed");
  expect(play(1, 1, [...cutOff(3), lease(0, 98, ben), lose(98, "fault")]).state.phase).toBe("open");
});

test("a round that waits for all commits with what was delivered once the rest was given up, and never before", () => {
  const begun: Step[] = [
    lease(0, 1, ada, 1e6),
    lease(1, 2, ben, 1e6),
    lease(2, 3, cem, 1e6),
    deliver(1, ada),
  ];
  expect(play(3, 0, [...begun, lose(2, "fault"), 900_000], true).state.phase).toBe("open");
  const { state, actions } = play(3, 0, [...begun, lose(2, "fault"), deliver(3, cem)], true);
  expect(state.phase).toBe("committed");
  const commit = actions.at(-1);
  expect(commit?.type === "commit" && commit.deliveries.map(({ unit }) => unit)).toEqual([0, 2]);
  const none = [lease(0, 1, ada), lose(1), lease(1, 2, ben), lose(2)];
  expect(play(2, 0, none, true).actions.at(-1)).toMatchObject({ type: "fail", unit: 0, reason: "gone" });
});

test("a result that comes after its lease ran out counts while the unit is open; the second one is late", () => {
  const { state, actions } = play(2, 2, [
    ...[lease(0, 1, ada), 1_000, lease(0, 2, ben, 9_000), deliver(1, ada)],
    ...[deliver(2, ben), deliver(1, ada), deliver(2, ben)],
  ]);
  const answers = actions.flatMap((action) =>
    action.type === "acknowledge" ? [[action.provider, action.counted, action.isNew]] : [],
  );
  expect(answers).toEqual([
    [ada, true, true],
    [ben, false, true],
    [ada, true, false],
    [ben, false, false],
  ]);
  expect(actions).toContainEqual(
    expect.objectContaining({ type: "revoke", lease: leaseOf(2), provider: ben }),
  );
  expect(state.units[0]?.state).toBe("delivered");
});

test("strangers are refused and change nothing", () => {
  const before = play(1, 0, [lease(0, 1, ada)]).state;
  for (const stranger of [deliver(1, ben), deliver(9, ada)]) {
    const { state, actions } = play(1, 0, [lease(0, 1, ada), stranger]);
    expect(types(actions)).toEqual(["refuse"]);
    expect(state).toEqual(before);
  }
});

test("a stopped round revokes what is out, and later results do not count", () => {
  const { state, actions } = play(1, 0, [lease(0, 1, ada), { type: "stopped" }, deliver(1, ada)]);
  expect(state.phase).toBe("stopped");
  expect(actions).toMatchObject([{ type: "revoke" }, { type: "acknowledge", counted: false }]);
  expect(waitingUnits(state, everyone)).toEqual([]);
});

test("a lease granted for a unit that no longer waits is revoked at once", () => {
  const { actions } = play(2, 0, [lease(0, 1, ada), lease(0, 2, ben)]);
  expect(actions).toMatchObject([{ type: "revoke", lease: leaseOf(2), provider: ben }]);
});

test("a round's summary adds up and weighs losses by rows", () => {
  const other = { ...delivery, rows: 240, lossMean: 0.1 };
  expect(summaryOf([delivery, other])).toEqual({ steps: 20, rows: 320, loss: expect.closeTo(0.2, 12) });
});

test("whatever happens, no unit counts twice and none is tried more than retryMax + 1 times", () => {
  fc.assert(fc.property(arbGame, checkGame), { numRuns: 500 });
});

test("replaying the events gives the same state and the same actions", () => {
  fc.assert(
    fc.property(arbGame, (options) => {
      const { events, initial, state, actions } = playGame(options);
      let again = initial;
      const actionsAgain: RoundAction[] = [];
      for (const event of events) {
        const reduced = reduceRound(again, event);
        again = reduced.state;
        actionsAgain.push(...reduced.actions);
      }
      expect(again).toEqual(state);
      expect(actionsAgain).toEqual(actions);
    }),
  );
});

test("whatever happened, providers that lease what waits and keep failing or delivering end the round", () => {
  fc.assert(
    fc.property(arbGame, fc.infiniteStream(fc.boolean()), (options, outcomes) => {
      let { state } = playGame(options);
      let id = 500;
      for (let turn = 0; state.phase === "open"; turn++) {
        expect(turn).toBeLessThan(options.units * (options.retryMax + 2) + 2);
        const [waiting] = waitingUnits(state, everyone);
        if (!waiting) {
          // Only leases that nobody answers for are out, or a window is open: time ends both.
          const atMs = nextTickMs(state);
          expect(atMs).not.toBeNull();
          state = reduceRound(state, { type: "tick", atMs: atMs ?? 0 }).state;
          continue;
        }
        const atMs = state.nowMs;
        const granted = leaseOf(id++);
        const base = { atMs, lease: granted };
        state = reduceRound(state, {
          ...base,
          type: "leased",
          unit: waiting.unit,
          provider: ada,
          untilMs: atMs + 10,
        }).state;
        const isDelivered = outcomes.next().value;
        state = reduceRound(
          state,
          isDelivered
            ? { ...base, type: "delivered", provider: ada, delivery }
            : { ...base, type: "lost", cause: "fault", reason: "no luck" },
        ).state;
      }
    }),
  );
});
