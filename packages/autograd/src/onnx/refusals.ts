/** Why an operator of the standard domain is not read, and what to do about it. */

const CHANCE =
  "it draws by chance inside the graph, so that no step could be computed again; use Dropout, whose mask is a function of the step, or give the noise as an input";
const TEXT = "it works on text, which tensors here do not hold; encode the data as numbers before";
const LISTS = "it works on lists of tensors; stack them into one tensor in the model";
const QUANTIZED = "it computes with quantized numbers; train the model before it is quantized";

const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/^(Bernoulli|Multinomial|Random(Normal|Uniform)(Like)?)$/, CHANCE],
  [/^(String|Regex|TfIdf)/, TEXT],
  [/Sequence|^Optional/, LISTS],
  [/Quantize|Integer$|^QLinear/, QUANTIZED],
];

export function whyNotRead(op: string): string {
  const refusal = REFUSALS.find(([pattern]) => pattern.test(op));
  return refusal?.[1] ?? "the engine has no rules for it; replace it in the model";
}
