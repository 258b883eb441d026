/** Recurrent layers over [time, batch, features]. */
import { arity, int, type OpSpecs, word } from "./spec.ts";

interface Recurrent {
  /** For each direction the layer's own, in its order; see graph/activation.ts. */
  readonly activations: readonly string[];
  /** Settings of the activations that take any, in their order. */
  readonly activation_alpha?: readonly number[];
  readonly activation_beta?: readonly number[];
  /** Bounds the sums that go into the gates. */
  readonly clip?: number;
  readonly direction: "forward" | "reverse" | "bidirectional";
  readonly hidden_size: number;
  /** 1: x, y and the states have the batch first. */
  readonly layout: number;
}

export interface RecurrentAttributes {
  /** x, w, r, b?, sequence_lens?, initial_h? → y?, y_h? */
  RNN: Recurrent;
  /** Gates z, r, h. x, w, r, b?, sequence_lens?, initial_h? → y?, y_h? */
  GRU: Recurrent & { readonly linear_before_reset: number };
  /** Gates i, o, f, c. x, w, r, b?, sequence_lens?, initial_h?, initial_c?, p? (peepholes i, o, f) → y?, y_h?, y_c? */
  LSTM: Recurrent & { readonly input_forget: number };
}

const recurrent = {
  activations: { kind: "strings", presence: "derived" },
  activation_alpha: { kind: "floats", presence: "optional" },
  activation_beta: { kind: "floats", presence: "optional" },
  clip: { kind: "float", presence: "optional" },
  direction: word("forward", "reverse", "bidirectional"),
  hidden_size: { kind: "int", presence: "derived" },
  layout: int(0),
} as const;

export const recurrentOps: OpSpecs<RecurrentAttributes> = {
  RNN: arity(3, 6, recurrent, 2),
  GRU: arity(3, 6, { ...recurrent, linear_before_reset: int(0) }, 2),
  LSTM: arity(3, 8, { ...recurrent, input_forget: int(0) }, 3),
};
