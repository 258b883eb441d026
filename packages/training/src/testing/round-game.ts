/** Rounds played at random, and what must be true of each: for the tests, and for longer runs. */
import { assert } from "@pingo/core";
import fc from "fast-check";
import { reduceRound } from "../round.ts";
import { openRound, type RoundAction, type RoundEvent, type RoundState, roundRules } from "../round-state.ts";
import { cidOf, leaseOf, providerOf } from "./shapes.ts";

const delivery = { update: cidOf("update"), steps: 10, rows: 80, lossMean: 0.5 };

/** Anything may happen, in any order, to leases known and unknown. */
const arbChoice = fc.record({
  what: fc.constantFrom(
    "lease",
    "lease",
    "deliver",
    "deliver",
    "heartbeat",
    "lose",
    "release",
    "fault",
    "wait",
    "stranger",
  ),
  pick: fc.nat({ max: 30 }),
  provider: fc.nat({ max: 2 }),
  waitMs: fc.integer({ min: 0, max: 4_000 }),
});
export const arbGame = fc.record({
  units: fc.integer({ min: 1, max: 5 }),
  retryMax: fc.integer({ min: 0, max: 3 }),
  isWhole: fc.boolean(),
  choices: fc.array(arbChoice, { maxLength: 80 }),
});

export type GameOptions = typeof arbGame extends fc.Arbitrary<infer G> ? G : never;

export interface Game {
  readonly events: RoundEvent[];
  readonly actions: RoundAction[];
  readonly initial: RoundState;
  state: RoundState;
}

export function playGame({ units, retryMax, isWhole, choices }: GameOptions): Game {
  const rules = roundRules({ units, retryMax, isWhole, deadlineMs: 60_000 });
  const initial = openRound({ units, rules, atMs: 0 });
  const game: Game = { events: [], actions: [], initial, state: initial };
  let leases = 0;
  const put = (event: RoundEvent): void => {
    const reduced = reduceRound(game.state, event);
    game.events.push(event);
    game.actions.push(...reduced.actions);
    game.state = reduced.state;
  };
  for (const { what, pick, provider, waitMs } of choices) {
    const atMs = game.state.nowMs;
    const known = leaseOf(leases === 0 ? 0 : pick % leases);
    const holder = game.state.leases.get(known)?.provider ?? providerOf(provider);
    if (what === "lease") {
      const unit = pick % units;
      const until = { untilMs: atMs + 1_000 + waitMs, provider: providerOf(provider) };
      put({ type: "leased", atMs, unit, lease: leaseOf(leases++), ...until });
    } else if (what === "deliver") put({ type: "delivered", atMs, lease: known, provider: holder, delivery });
    else if (what === "heartbeat") put({ type: "heartbeat", atMs, lease: known, untilMs: atMs + waitMs });
    else if (what === "lose")
      put({ type: "lost", atMs, lease: known, cause: "disconnected", reason: "left" });
    else if (what === "release")
      put({ type: "lost", atMs, lease: known, cause: "released", reason: "owner" });
    else if (what === "fault") put({ type: "lost", atMs, lease: known, cause: "fault", reason: "NaN" });
    else if (what === "wait") put({ type: "tick", atMs: atMs + waitMs });
    else put({ type: "delivered", atMs, lease: known, provider: providerOf(9), delivery });
  }
  return game;
}

/** No unit counts twice, none is tried too often, a round ends once, and a unit is leased exactly when one lease is held for it. */
export function checkGame(options: GameOptions): void {
  const { actions, state } = playGame(options);
  const counted = actions.flatMap((action) =>
    action.type === "acknowledge" && action.counted && action.isNew ? [action.unit] : [],
  );
  assert(new Set(counted).size === counted.length, "a unit counted twice");
  assert(
    state.units.every(({ failures }) => failures <= options.retryMax + 1),
    "a unit was tried too often",
  );
  const ends = actions.filter(({ type }) => type === "commit" || type === "fail");
  assert(
    ends.length === (state.phase === "open" ? 0 : 1),
    `${ends.length} ends of a round that is ${state.phase}`,
  );
  for (const end of ends) {
    if (end.type !== "commit") continue;
    assert(end.deliveries.length >= state.rules.quorum, "a commit without a quorum");
    const isOver = state.units.every(({ state: unit }) => unit === "delivered" || unit === "abandoned");
    assert(isOver || !options.isWhole, "a commit before each unit was delivered or given up");
    const committed = end.deliveries.map(({ unit }) => unit).join();
    assert(committed === [...counted].sort((a, b) => a - b).join(), "the commit is not what counted");
  }
  for (const [index, unit] of state.units.entries()) {
    const held = [...state.leases].filter(([, each]) => each.unit === index && each.state === "held");
    const expected = unit.state === "leased" ? String(unit.lease) : "";
    assert(
      held.map(([id]) => id).join() === expected,
      `unit ${index} is ${unit.state} with other leases held`,
    );
  }
}
