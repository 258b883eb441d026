/** Shapes of parameters that both versions of the API share; what comes in a query is text. */
import { Address } from "@ton/core";
import { z } from "zod";

const HASH_BYTES = 32;
const ADDRESS_CHARS_MAX = 80;

/** Raw or friendly, as people write them. */
export const zAddress: z.ZodType<Address> = z
  .string()
  .max(ADDRESS_CHARS_MAX)
  .transform((text, context) => {
    const address = addressOf(text);
    if (address) return address;
    context.addIssue({ code: "custom", message: "expected an address, like 0:… or EQ…" });
    return z.NEVER;
  });

/** Hex or base64. */
export const zHash: z.ZodType<Buffer> = z
  .string()
  .max(HASH_BYTES * 2)
  .transform((text, context) => {
    const bytes = /^[0-9a-fA-F]{64}$/.test(text)
      ? Buffer.from(text, "hex")
      : Buffer.from(text.replaceAll("-", "+").replaceAll("_", "/").replaceAll(" ", "+"), "base64");
    if (bytes.byteLength === HASH_BYTES) return bytes;
    context.addIssue({ code: "custom", message: "expected 32 bytes as hex or base64" });
    return z.NEVER;
  });

/** A whole number, also as text. */
export function zWhole(min: number, max: number): z.ZodType<number> {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^-?\d{1,15}$/, "expected a whole number")
        .transform(Number),
    ])
    .pipe(z.int().min(min).max(max));
}

const INT64 = 2n ** 63n;

/** A logical time or a shard: 64 bits, more than a number holds. */
export const zInt64: z.ZodType<bigint> = z
  .union([
    z.int().transform(BigInt),
    z
      .string()
      .regex(/^-?\d{1,19}$/, "expected a whole number")
      .transform(BigInt),
  ])
  .refine((value) => value >= -INT64 && value < INT64, "expected 64 bits");

export const zFlag: z.ZodType<boolean> = z.union([
  z.boolean(),
  z.enum(["true", "1"]).transform(() => true),
  z.enum(["false", "0"]).transform(() => false),
]);

/** Base64, decoded; what is in it is read by who needs it. */
export function zBase64(bytesMax: number): z.ZodType<Buffer> {
  return z
    .string()
    .max(Math.ceil((bytesMax * 4) / 3) + 4)
    .regex(/^[A-Za-z0-9+/_-]*={0,2}$/, "expected base64")
    .transform((text) => Buffer.from(text, "base64"));
}

function addressOf(text: string): Address | undefined {
  try {
    return Address.parse(text);
  } catch {
    return undefined; // told by the caller, with where it was
  }
}
