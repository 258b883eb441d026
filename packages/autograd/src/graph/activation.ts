/** The activations of recurrent layers: their names, their settings, and which setting belongs to which. */

/**
 * What holds where a model leaves settings out: those of ONNX's operator of that name. Affine and ScaledTanh have none; for
 * them, and for ThresholdedRelu against the specification, ONNX Runtime takes 0. SOURCE: ONNX RNN-14; onnxruntime 1.30, tried
 */
const SETTINGS = {
  Affine: { alpha: 0, beta: 0 },
  Elu: { alpha: 1 },
  HardSigmoid: { alpha: Math.fround(0.2), beta: 0.5 },
  LeakyRelu: { alpha: Math.fround(0.01) },
  Relu: {},
  ScaledTanh: { alpha: 0, beta: 0 },
  Sigmoid: {},
  Softplus: {},
  Softsign: {},
  Tanh: {},
  ThresholdedRelu: { alpha: 0 },
} as const satisfies Readonly<Record<string, { readonly alpha?: number; readonly beta?: number }>>;

export type ActivationName = keyof typeof SETTINGS;

export interface Activation {
  readonly name: ActivationName;
  readonly alpha: number;
  readonly beta: number;
}

interface Activations {
  readonly activations: readonly string[];
  readonly activation_alpha?: readonly number[];
  readonly activation_beta?: readonly number[];
}

/** The activations with their settings; undefined in the place of a name that ONNX does not have. */
export function activationsOf(attributes: Activations): readonly (Activation | undefined)[] {
  const alphas = [...(attributes.activation_alpha ?? [])];
  const betas = [...(attributes.activation_beta ?? [])];
  return attributes.activations.map((written) => {
    const name = NAMES.get(written.toLowerCase());
    if (name === undefined) return undefined;
    const settings: { readonly alpha?: number; readonly beta?: number } = SETTINGS[name];
    const alpha = settings.alpha === undefined ? 0 : (alphas.shift() ?? settings.alpha);
    const beta = settings.beta === undefined ? 0 : (betas.shift() ?? settings.beta);
    return { name, alpha, beta };
  });
}

function isActivationName(name: string): name is ActivationName {
  return Object.hasOwn(SETTINGS, name);
}

// Exporters differ in capitals, and ONNX Runtime does not mind.
const NAMES: ReadonlyMap<string, ActivationName> = new Map(
  Object.keys(SETTINGS)
    .filter(isActivationName)
    .map((name) => [name.toLowerCase(), name]),
);
