/** Types of recurrent layers. */
import { activationsOf } from "../activation.ts";
import type { RecurrentAttributes } from "../ops/recurrent.ts";
import type { Dim, TensorType } from "../tensor.ts";
import { FLOATS, type Rules, type Site } from "./site.ts";

interface Layer {
  readonly gates: number;
  /** For each direction. */
  readonly activations: number;
}

type RecurrentSite = Site<"RNN"> | Site<"GRU"> | Site<"LSTM">;

export const recurrent: Rules<keyof RecurrentAttributes> = {
  RNN: (site) => recurrentTypes(site, { gates: 1, activations: 1 }),
  GRU: (site) => recurrentTypes(site, { gates: 3, activations: 2 }),
  LSTM: (site) => {
    const types = recurrentTypes(site, { gates: 4, activations: 3 });
    if (site.has(6)) fits(site, 6, types[1]?.shape ?? []);
    if (site.has(7)) fits(site, 7, [directionsOf(site), 3 * site.attributes.hidden_size]);
    if (site.attributes.input_forget !== 0)
      throw site.attribute("coupled gates (input_forget) are not known here");
    return [...types, ...types.slice(1)];
  },
};

function directionsOf(site: RecurrentSite): number {
  return site.attributes.direction === "bidirectional" ? 2 : 1;
}

function recurrentTypes(site: RecurrentSite, layer: Layer): readonly TensorType[] {
  const { hidden_size: hidden, layout } = site.attributes;
  const { dtype } = site.input(0, FLOATS);
  const [first = 1, second = 1, features = 1] = site.rank(0, 3).shape;
  const [time, batch] = layout === 0 ? [first, second] : [second, first];
  const directions = directionsOf(site);
  fits(site, 1, [directions, layer.gates * hidden, features]);
  fits(site, 2, [directions, layer.gates * hidden, hidden]);
  if (site.has(3)) fits(site, 3, [directions, 2 * layer.gates * hidden]);
  if (site.has(4)) {
    site.input(4, ["int32"]);
    fits(site, 4, [batch]);
  }
  const state: Dim[] = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  if (site.has(5)) fits(site, 5, state);
  const activations = activationsOf(site.attributes);
  const unknown = site.attributes.activations.find((_, i) => activations[i] === undefined);
  if (unknown !== undefined) throw site.attribute(`there is no activation "${unknown}"`);
  if (activations.length !== directions * layer.activations)
    throw site.attribute(
      `${activations.length} activations are given; it has ${directions * layer.activations}`,
    );
  const y: Dim[] = layout === 0 ? [time, directions, batch, hidden] : [batch, time, directions, hidden];
  return [
    { dtype, shape: y },
    { dtype, shape: state },
  ];
}

function fits(site: RecurrentSite, input: number, shape: readonly Dim[]): void {
  site.rank(input, shape.length).shape.forEach((dim, axis) => {
    site.unify(dim, shape[axis] ?? dim, `input ${input} does not fit on axis ${axis}`);
  });
}
