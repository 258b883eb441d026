/** What an operator has: inputs, outputs, attributes; and the words in which the families write it down. */
import type { Graph } from "../graph.ts";
import type { Tensor } from "../tensor.ts";

/** No attributes. */
export type None = { readonly [name in never]: never };

export interface Axis {
  readonly axis: number;
}

/** `pads` holds all begins, then all ends. */
export interface Window {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor | Graph;

type KindOf<V> = V extends number
  ? "int" | "float"
  : V extends string
    ? "string" | "dtype"
    : V extends readonly number[]
      ? "ints" | "floats"
      : V extends readonly string[]
        ? "strings"
        : V extends Tensor
          ? "tensor"
          : "graph";

export type AttributeKind = KindOf<AttributeValue>;

/**
 * `values`: the only ones a string attribute may have.
 * `required`: a model without it is refused. `derived`: the reader works it out from shapes. `optional`: may stay absent.
 */
export type AttributeSpec<V> = {
  readonly kind: KindOf<V>;
  readonly values?: readonly V[];
  readonly isBit?: true;
  /** Whatever a file says is read as the default, which the specification allows. */
  readonly isFixed?: true;
} & ({ readonly default: V } | { readonly presence: "required" | "derived" | "optional" });

export interface OpSpec<A> {
  /** The opset that brought the operator, where it is newer than CANONICAL_OPSET. */
  readonly since?: number;
  /** How many inputs, optional ones included; those beyond `min` may be "" or absent. */
  readonly inputs: { readonly min: number; readonly max: number };
  readonly outputs: { readonly min: number; readonly max: number };
  readonly attributes: { readonly [Name in keyof A]-?: AttributeSpec<NonNullable<A[Name]>> };
}

/** The specs of a family of operators, by the attributes that each has. */
export type OpSpecs<Family> = { readonly [K in keyof Family]: OpSpec<Family[K]> };

export const MANY = Number.POSITIVE_INFINITY;

export function arity<A>(inputsMin: number, inputsMax: number, attributes: A, outputsMax = 1) {
  return {
    inputs: { min: inputsMin, max: inputsMax },
    outputs: { min: 1, max: outputsMax },
    attributes,
  };
}

export const int = (value: number) => ({ kind: "int", default: value }) as const;
/** A boolean: whatever a file writes for true is 1 in a Graph. */
export const bit = (value: 0 | 1) => ({ kind: "int", default: value, isBit: true }) as const;
export const float = (value: number) => ({ kind: "float", default: value }) as const;
/** One of a few words, the first of which is the default. */
export function word<const V extends string>(...values: readonly [V, ...V[]]) {
  return { kind: "string", default: values[0], values } as const;
}

export const unary = arity(1, 1, {});
export const binary = arity(2, 2, {});
export const variadic = arity(1, MANY, {});
export const window = {
  kernel_shape: { kind: "ints", presence: "derived" },
  strides: { kind: "ints", presence: "derived" },
  dilations: { kind: "ints", presence: "derived" },
  pads: { kind: "ints", presence: "derived" },
} as const;
export const optionalInts = { kind: "ints", presence: "optional" } as const;
