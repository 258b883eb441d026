/** Schemas of values that are written as text: "512Mi", "1000m", "5 PINGO". */
import { z } from "zod";

/** Text, or a number taken as its text. */
export function quantity<T>(parse: (text: string) => T): z.ZodType<T, string | number> {
  return z.union([z.string(), z.number()]).transform(guarded((text) => parse(String(text))));
}

/** A transform whose thrown sentence is the schema's. */
export function guarded<In, Out>(parse: (value: In) => Out): (value: In, context: z.RefinementCtx) => Out {
  return (value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "invalid" });
      return z.NEVER;
    }
  };
}
