/**
 * A secret at rest: AES-256-GCM under a key that scrypt makes of a passphrase, bound to what stands beside it in the clear.
 *
 * scrypt takes 128 MiB and about half a second a try. SOURCE: RFC 7914; OWASP password storage (N = 2^17, r = 8, p = 1).
 */
import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { encodeCanonical, type Prng } from "@pingo/core";
import { z } from "zod";
import { WalletError } from "./wallet-error.ts";

export const PASSPHRASE_CHARS_MIN = 8;

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_BYTES_MAX = 4_096;
const SCRYPT = { n: 2 ** 17, r: 8, p: 1 } as const;
/** A file that asks for more memory than this is no wallet of ours. */
const SCRYPT_BYTES_MAX = 2 ** 29;

const zHex = (bytes: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${bytes} bytes in hexadecimal`);

export const zSealed = z.strictObject({
  scrypt: z.strictObject({
    n: z.literal([2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18, 2 ** 19]),
    r: z.literal(8),
    p: z.literal(1),
    salt: zHex(SALT_BYTES),
  }),
  nonce: zHex(NONCE_BYTES),
  /** Cipher text and tag. */
  bytes: z
    .string()
    .regex(/^([0-9a-f]{2})+$/, "expected bytes in hexadecimal")
    .max(2 * (SECRET_BYTES_MAX + TAG_BYTES)),
});

export type Sealed = z.infer<typeof zSealed>;

/**
 * @param beside what the secret may not be separated from
 * @throws {WalletError} PASSPHRASE_TOO_SHORT
 */
export function seal(secret: Uint8Array, passphrase: string, beside: unknown, prng: Prng): Sealed {
  if ([...passphrase].length < PASSPHRASE_CHARS_MIN)
    throw new WalletError({ code: "PASSPHRASE_TOO_SHORT", charsMin: PASSPHRASE_CHARS_MIN });
  const scrypt = { ...SCRYPT, salt: Buffer.from(prng.bytes(SALT_BYTES)).toString("hex") };
  const nonce = Buffer.from(prng.bytes(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, keyOf(passphrase, scrypt), nonce);
  cipher.setAAD(encodeCanonical(beside));
  const bytes = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return { scrypt, nonce: nonce.toString("hex"), bytes: bytes.toString("hex") };
}

/** @throws {WalletError} PASSPHRASE_WRONG, also where anything was altered */
export function openSealed(sealed: Sealed, passphrase: string, beside: unknown): Uint8Array {
  const bytes = Buffer.from(sealed.bytes, "hex");
  const cut = Math.max(0, bytes.byteLength - TAG_BYTES);
  const decipher = createDecipheriv(
    CIPHER,
    keyOf(passphrase, sealed.scrypt),
    Buffer.from(sealed.nonce, "hex"),
    { authTagLength: TAG_BYTES },
  );
  decipher.setAAD(encodeCanonical(beside));
  try {
    decipher.setAuthTag(bytes.subarray(cut));
    return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(0, cut)), decipher.final()]));
  } catch (cause) {
    throw new WalletError({ code: "PASSPHRASE_WRONG" }, { cause });
  }
}

function keyOf(passphrase: string, { n, r, p, salt }: Sealed["scrypt"]): Buffer {
  // One spelling of what looks the same, whatever keyboard typed it.
  const typed = passphrase.normalize("NFKC");
  return scryptSync(typed, Buffer.from(salt, "hex"), KEY_BYTES, {
    N: n,
    r,
    p,
    maxmem: SCRYPT_BYTES_MAX + 2 ** 20,
  });
}
