/**
 * Backward rules of RNN, GRU and LSTM.
 *
 * Each first makes the factors that dh and dc are multiplied with, for all times at once, then carries dh back through
 * time in a Scan of a few products, and last sums over time in one product for each weight.
 */
import { assertDefined } from "@pingo/core";
import type { RecurrentAttributes } from "../../graph/ops/recurrent.ts";
import { at, type Value } from "../emitter.ts";
import type { RuleFamily } from "../rule.ts";
import {
  type Direction,
  type DirectionGradients,
  held,
  masked,
  product,
  productGradients,
  recurrentBackward,
  shiftedRows,
  sumOverTime,
} from "./layer.ts";
import { recur } from "./recurrence.ts";

export const recurrentRules: RuleFamily<keyof RecurrentAttributes> = {
  RNN: (context) => recurrentBackward(context, { gates: 1, activations: 1, backward: rnnBackward }),
  GRU: (context) => {
    const isResetLast = context.attributes.linear_before_reset !== 0;
    const backward = isResetLast ? gruResetLastBackward : gruBackward;
    return recurrentBackward(context, { gates: 3, activations: 2, backward });
  },
  LSTM: (context) => recurrentBackward(context, { gates: 4, activations: 3, backward: lstmBackward }),
};

function given(values: readonly (Value | undefined)[]): Value[] {
  return values.filter((value) => value !== undefined);
}

/** h = f(s): ds = dh·f'(s), and dh goes on as ds·R. */
function rnnBackward(direction: Direction): DirectionGradients {
  const { emit, isReverse, r, dy, before } = direction;
  const slope = emit.expand(direction.activate(0, direction.sums()).slope(), before.shape);
  const { states, rows } = recur(emit, {
    states: [direction.dh],
    rows: given([masked(direction, slope), dy, ...held(direction)]),
    isBackwards: !isReverse,
    body: (body, [dh], [factor, ...more]) => {
      const rest = [...more];
      const own = dy === undefined ? some(dh) : body.add2(some(dh), some(rest.shift()));
      const ds = body.mul(own, some(factor));
      const back = body.matmul(ds, r);
      const hold = rest.shift();
      return { states: [hold === undefined ? back : body.add2(back, body.mul(own, hold))], rows: [ds] };
    },
  });
  const sums = some(rows[0]);
  const [, dr] = productGradients(emit, sums, before, r);
  return { sums, r: dr, recurrentBias: sumOverTime(emit, sums), h: some(states[0]) };
}

interface GruGates {
  readonly z: Value;
  /** Of the sums: dh·(h − n)·z', dh·(1 − z)·n' */
  readonly forZ: Value;
  readonly forN: Value;
}

/** h' = (1 − z)·n + z·h; behind the end of a sequence z is 1 and nothing else flows. */
function gruFactors(
  direction: Direction,
  z: { readonly value: Value; slope(): Value },
  n: { readonly value: Value; slope(): Value },
): GruGates {
  const { emit, before } = direction;
  const forZ = masked(direction, emit.mul(emit.sub(before, n.value), z.slope()));
  const forN = masked(direction, emit.mul(emit.minusFrom(1, z.value), n.slope()));
  const [hold] = held(direction);
  const kept = hold === undefined ? z.value : emit.add2(masked(direction, z.value), hold);
  return { z: kept, forZ, forN };
}

/** n = g(x·Wₙ + (r ⊙ h)·Rₙ): with q = dn·Rₙ, dr = q·h·r' and dh takes q·r. */
function gruBackward(direction: Direction): DirectionGradients {
  const { emit, isReverse, hidden, dy, before } = direction;
  const [rZr, rN] = split2(direction, direction.r, 0);
  const [sumZr, sumN] = split2(direction, direction.sums(), 2);
  const [sumZ, sumR] = halves(direction, sumZr);
  const [z, reset] = [direction.activate(0, sumZ), direction.activate(0, sumR)];
  const turned = emit.mul(reset.value, before);
  const shape = before.shape;
  // The sums hold h·Rₙ where the cell has (r ⊙ h)·Rₙ.
  const difference = emit.reshape(product(emit, emit.sub(turned, before), rN), shape);
  const n = direction.activate(1, emit.add2(sumN, difference));
  const factors = gruFactors(direction, z, n);
  const forR = masked(direction, emit.mul(before, emit.expand(reset.slope(), shape)));
  const { states, rows } = recur(emit, {
    states: [direction.dh],
    rows: given([factors.z, factors.forZ, factors.forN, forR, reset.value, dy]),
    isBackwards: !isReverse,
    body: (body, [dh], [keep, forZ, forN, ownR, value, dyRow]) => {
      const own = dyRow === undefined ? some(dh) : body.add2(some(dh), dyRow);
      const dn = body.mul(own, some(forN));
      const q = body.matmul(dn, rN);
      const dzr = body.concat([body.mul(own, some(forZ)), body.mul(q, some(ownR))], 1);
      const past = body.add2(body.mul(own, some(keep)), body.mul(q, some(value)));
      return { states: [body.add2(past, body.matmul(dzr, rZr))], rows: [body.concat([dzr, dn], 1)] };
    },
  });
  const sums = some(rows[0]);
  const [dZr, dN] = emit.split(sums, 2, [2 * hidden, hidden]);
  const [, drZr] = productGradients(emit, some(dZr), before, rZr);
  const [, drN] = productGradients(emit, some(dN), turned, rN);
  return { sums, r: emit.concat([drZr, drN], 0), recurrentBias: sumOverTime(emit, sums), h: some(states[0]) };
}

/** n = g(x·Wₙ + r ⊙ (h·Rₙ + b)): dr = dn·(h·Rₙ + b)·r', and the recurrent side of n gets dn·r. */
function gruResetLastBackward(direction: Direction): DirectionGradients {
  const { emit, isReverse, hidden, r, recurrentBias, dy, before } = direction;
  const [sumZr, sumN] = split2(direction, direction.sums(), 2);
  const [sumZ, sumR] = halves(direction, sumZr);
  const [z, reset] = [direction.activate(0, sumZ), direction.activate(0, sumR)];
  const [, rN] = split2(direction, r, 0);
  const flat = product(emit, before, rN);
  const biased = recurrentBias && emit.add2(flat, emit.slice(recurrentBias, 0, 2 * hidden, hidden));
  const linear = emit.reshape(biased ?? flat, before.shape);
  // The sums hold `linear` where the cell has r ⊙ linear.
  const difference = emit.mul(linear, emit.shift(reset.value, -1));
  const n = direction.activate(1, emit.add2(sumN, difference));
  const factors = gruFactors(direction, z, n);
  const forR = emit.mul(linear, emit.expand(reset.slope(), before.shape));
  const { states, rows } = recur(emit, {
    states: [direction.dh],
    rows: given([factors.z, factors.forZ, factors.forN, forR, reset.value, dy]),
    isBackwards: !isReverse,
    body: (body, [dh], [keep, forZ, forN, ownR, value, dyRow]) => {
      const own = dyRow === undefined ? some(dh) : body.add2(some(dh), dyRow);
      const dn = body.mul(own, some(forN));
      const dzr = body.concat([body.mul(own, some(forZ)), body.mul(dn, some(ownR))], 1);
      const recurrent = body.concat([dzr, body.mul(dn, some(value))], 1);
      const past = body.mul(own, some(keep));
      return {
        states: [body.add2(past, body.matmul(recurrent, r))],
        rows: [recurrent, body.concat([dzr, dn], 1)],
      };
    },
  });
  const [recurrent, sums] = [some(rows[0]), some(rows[1])];
  const [, dr] = productGradients(emit, recurrent, before, r);
  return { sums, r: dr, recurrentBias: sumOverTime(emit, recurrent), h: some(states[0]) };
}

/** c' = f·c + i·g, h' = o·η(c'): dc gathers dh·o·η' on its way back, the gates get their shares of dh and dc. */
function lstmBackward(direction: Direction): DirectionGradients {
  const { emit, isReverse, hidden, r, dy, before } = direction;
  const shape = before.shape;
  const state = shape.slice(1);
  const c0 = direction.part(6, state);
  const sums = emit.split(direction.sums(), 2, [hidden, hidden, hidden, hidden]);
  const peepholes = direction.hasInput(7)
    ? emit.split(direction.part(7, []), 0, [hidden, hidden, hidden])
    : undefined;
  const g = direction.activate(1, some(sums[3]));
  const c = cellStates(direction, { sums, peepholes, c0, g: g.value });
  const past = shiftedRows(emit, c, c0, isReverse);
  const peeped = (sum: Value | undefined, which: number, cell: Value) =>
    peepholes === undefined ? some(sum) : emit.add2(some(sum), emit.mul(cell, at(peepholes, which)));
  const i = direction.activate(0, peeped(sums[0], 0, past));
  const o = direction.activate(0, peeped(sums[1], 1, c));
  const f = direction.activate(0, peeped(sums[2], 2, past));
  const eta = direction.activateFreely(2, c);
  const factor = (value: Value, slope: Value) => masked(direction, emit.mul(value, slope));
  const [hold] = held(direction);
  const kept = hold === undefined ? f.value : emit.add2(masked(direction, f.value), hold);
  const { states, rows } = recur(emit, {
    states: [direction.dh, direction.gradient(2, state)],
    rows: given([
      factor(eta.value, o.slope()),
      factor(o.value, eta.slope()),
      factor(g.value, i.slope()),
      factor(past, f.slope()),
      factor(i.value, g.slope()),
      kept,
      dy,
      hold,
    ]),
    isBackwards: !isReverse,
    body: (body, [dh, dc], [forO, forC, forI, forF, forG, keep, ...more]) => {
      const rest = [...more];
      const own = dy === undefined ? some(dh) : body.add2(some(dh), some(rest.shift()));
      const dO = body.mul(own, some(forO));
      let cell = body.add2(some(dc), body.mul(own, some(forC)));
      if (peepholes !== undefined) cell = body.add2(cell, body.mul(dO, at(peepholes, 1)));
      const dI = body.mul(cell, some(forI));
      const dF = body.mul(cell, some(forF));
      const all = body.concat([dI, dO, dF, body.mul(cell, some(forG))], 1);
      let back = body.mul(cell, some(keep));
      if (peepholes !== undefined) {
        const own = body.add2(body.mul(dI, at(peepholes, 0)), body.mul(dF, at(peepholes, 2)));
        back = body.add2(back, own);
      }
      const through = body.matmul(all, r);
      const waiting = rest.shift();
      const next = waiting === undefined ? through : body.add2(through, body.mul(own, waiting));
      return { states: [next, back], rows: [all] };
    },
  });
  const all = some(rows[0]);
  const [, dr] = productGradients(emit, all, before, r);
  const found = {
    sums: all,
    r: dr,
    recurrentBias: sumOverTime(emit, all),
    h: some(states[0]),
    c: some(states[1]),
  };
  if (peepholes === undefined) return found;
  const [dI, dO, dF] = emit.split(all, 2, [hidden, hidden, hidden, hidden]);
  const shares = [
    [dI, past],
    [dO, c],
    [dF, past],
  ].map(([gate, cell]) => emit.sum(emit.mul(some(gate), some(cell)), [0, 1]));
  return { ...found, p: emit.concat(shares, 0) };
}

/** f32[T, B, H]: every c, which the operator does not give. */
function cellStates(
  direction: Direction,
  {
    sums,
    peepholes,
    c0,
    g,
  }: {
    readonly sums: readonly Value[];
    readonly peepholes: readonly Value[] | undefined;
    readonly c0: Value;
    readonly g: Value;
  },
): Value {
  const { emit, isReverse } = direction;
  const [hold] = held(direction);
  if (peepholes === undefined) {
    const [i, f] = [direction.activate(0, at(sums, 0)).value, direction.activate(0, at(sums, 2)).value];
    const kept = hold === undefined ? f : emit.add2(masked(direction, f), hold);
    const { rows } = recur(emit, {
      states: [c0],
      rows: [kept, masked(direction, emit.mul(i, g))],
      isBackwards: isReverse,
      body: (body, [c], [keep, added]) => {
        const next = body.add2(body.mul(some(c), some(keep)), some(added));
        return { states: [next], rows: [next] };
      },
    });
    return some(rows[0]);
  }
  const { rows } = recur(emit, {
    states: [c0],
    rows: given([at(sums, 0), at(sums, 2), g, direction.mask, hold]),
    isBackwards: isReverse,
    body: (body, [c], [sumI, sumF, row, inside, waiting]) => {
      const gate = (sum: Value | undefined, which: number) =>
        direction.activate(0, body.add2(some(sum), body.mul(some(c), at(peepholes, which))), body).value;
      const next = body.add2(body.mul(gate(sumF, 2), some(c)), body.mul(gate(sumI, 0), some(row)));
      const held =
        inside === undefined || waiting === undefined
          ? next
          : body.add2(body.mul(next, inside), body.mul(some(c), waiting));
      return { states: [held], rows: [held] };
    },
  });
  return some(rows[0]);
}

/** The gates z and r, and n, along an axis. */
function split2({ emit, hidden }: Direction, value: Value, axis: number): [Value, Value] {
  const [zr, n] = emit.split(value, axis, [2 * hidden, hidden]);
  return [some(zr), some(n)];
}

function halves({ emit, hidden }: Direction, value: Value): [Value, Value] {
  const [z, r] = emit.split(value, 2, [hidden, hidden]);
  return [some(z), some(r)];
}

function some(value: Value | undefined): Value {
  return assertDefined(value, "a value of a recurrent layer");
}
