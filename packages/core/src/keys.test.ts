import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodeIdOfPublicKey } from "./ids.ts";
import { isSignatureOf, isSmallOrderKey, keyPairOfSeed, openSigned, signBytes, signValue } from "./keys.ts";

const arbSeed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

describe("ed25519", () => {
  test("agrees with RFC 8032, test 2", () => {
    const key = keyPairOfSeed(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
    expect(Buffer.from(key.publicKey).toString("hex")).toBe(
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    );
    expect(Buffer.from(signBytes(key, Uint8Array.of(0x72))).toString("hex")).toBe(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
  });

  test("a signed value opens with its own domain only, and with no byte changed", () => {
    fc.assert(
      fc.property(arbSeed, fc.jsonValue({ noUnicodeString: true }), fc.nat(63), (seed, body, at) => {
        const canonical = JSON.parse(JSON.stringify(body).replaceAll("-0", "0"));
        const signed = signValue("a/v1", canonical, keyPairOfSeed(seed));
        expect(openSigned("a/v1", signed)).toEqual(canonical);
        expect(() => openSigned("b/v1", signed)).toThrow(/does not verify/);
        const signature = signed.signature.slice();
        signature[at] = (signature[at] ?? 0) ^ 1;
        expect(() => openSigned("a/v1", { ...signed, signature })).toThrow(/does not verify/);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ])("the small-order key %s proves nothing", (text) => {
    const publicKey = hex(text);
    expect(isSmallOrderKey(publicKey)).toBe(true);
    expect(isSignatureOf(publicKey, Uint8Array.of(1), new Uint8Array(64))).toBe(false);
    const signed = { body: 1, signer: nodeIdOfPublicKey(publicKey), signature: new Uint8Array(64) };
    expect(() => openSigned("a/v1", signed)).toThrow(/small-order/);
  });

  test("a signature of the wrong length is no signature", () => {
    const key = keyPairOfSeed(new Uint8Array(32));
    expect(isSignatureOf(key.publicKey, new Uint8Array(), new Uint8Array(63))).toBe(false);
    expect(isSignatureOf(key.publicKey.subarray(1), new Uint8Array(), new Uint8Array(64))).toBe(false);
  });
});
