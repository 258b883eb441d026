/**
 * Tensors of a model that look like parameters and are trained by nobody's word: who trains a model is told of them, on
 * this machine and by a fog node.
 */
import { z } from "zod";

/** A number without an axis; a mask; or no gradient comes to it from the output. */
export const LEFT_OUT_WHYS = ["number", "mask", "unreached"] as const;
export type LeftOutWhy = (typeof LEFT_OUT_WHYS)[number];

/** Those of one reason. */
export interface LeftOutGroup {
  readonly why: LeftOutWhy;
  /** The first of them. */
  readonly names: readonly string[];
  /** Of all. */
  readonly count: number;
}

const NAMES_MAX = 5;
const NAME_CHARS_MAX = 1_024;

export const zLeftOutGroups: z.ZodType<readonly LeftOutGroup[]> = z
  .array(
    z.strictObject({
      why: z.enum(LEFT_OUT_WHYS),
      names: z.array(z.string().max(NAME_CHARS_MAX)).min(1).max(NAMES_MAX),
      count: z.int().min(1),
    }),
  )
  .max(LEFT_OUT_WHYS.length);

/** In the order of the reasons; none for a reason that nothing has. */
export function groupLeftOut(
  leftOut: readonly { readonly name: string; readonly why: LeftOutWhy }[],
): readonly LeftOutGroup[] {
  return LEFT_OUT_WHYS.flatMap((why) => {
    const all = leftOut.filter((each) => each.why === why);
    const names = all.slice(0, NAMES_MAX).map(({ name }) => name.slice(0, NAME_CHARS_MAX));
    return all.length === 0 ? [] : [{ why, names, count: all.length }];
  });
}

const SENTENCES: { readonly [W in LeftOutWhy]: string } = {
  number: "without an axis, so taken for a constant",
  mask: "taken for a mask by the numbers in it",
  unreached: "no gradient comes to it from the output",
};

/** As the end of a line, with names as safe to print as JSON is: `"scale", "eps": without an axis, so taken for a constant`. */
export function describeLeftOut({ why, names, count }: LeftOutGroup): string {
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  return `${names.map((name) => JSON.stringify(name)).join(", ")}${more}: ${SENTENCES[why]}`;
}
