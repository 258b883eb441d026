import { Address } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAddress } from "./parse-address.ts";

const arbAddress = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((hash) => new Address(0, Buffer.from(hash)));

test("every form of an address is read, but one for testnet alone where mainnet is meant", async () => {
  await fc.assert(
    fc.asyncProperty(arbAddress, fc.boolean(), fc.boolean(), async (address, testOnly, bounceable) => {
      const raw = address.toRawString();
      const text = address.toString({ testOnly, bounceable });
      expect(await parseAddress("--owner", raw, -239)).toBe(raw);
      expect(await parseAddress("--owner", text)).toBe(raw);
      expect(await parseAddress("--owner", text, -3)).toBe(raw);
      const onMainnet = parseAddress("--owner", text, -239);
      if (testOnly) await expect(onMainnet).rejects.toMatchObject({ code: "OPTION_INVALID" });
      else expect(await onMainnet).toBe(raw);
    }),
    { numRuns: 50 },
  );
});

test("what is no address of the basechain is refused, however it looks", async () => {
  const other = new Address(-1, Buffer.alloc(32));
  for (const text of ["", "me", "0:12", other.toRawString(), other.toString(), "x".repeat(10_000)])
    await expect(parseAddress("<address>", text)).rejects.toMatchObject({ code: "OPTION_INVALID" });
});
