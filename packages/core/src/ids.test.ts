import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cidOfBytes,
  cidOfValue,
  codecOfCid,
  isBlockOf,
  leaseIdOf,
  parseCid,
  parseLeaseId,
  parseNodeId,
  publicKeyOfNodeId,
  shortId,
} from "./ids.ts";
import { keyPairOfSeed } from "./keys.ts";

describe("CIDs", () => {
  test("agree with published ones", () => {
    // The raw block "hello world" and the empty raw block, as every IPFS tool names them.
    expect(cidOfBytes(new TextEncoder().encode("hello world"))).toBe(
      "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    );
    expect(cidOfBytes(new Uint8Array())).toBe("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
  });

  test("name their block and no other", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (bytes, at) => {
        const cid = cidOfBytes(bytes);
        expect(parseCid(cid)).toBe(cid);
        expect(isBlockOf(cid, bytes)).toBe(true);
        const altered = bytes.slice();
        altered[at % bytes.length] = (altered[at % bytes.length] ?? 0) ^ 1;
        expect(isBlockOf(cid, altered)).toBe(false);
      }),
    );
  });

  test("carry their codec", () => {
    expect(codecOfCid(cidOfValue({ a: 1 }))).toBe("dagCbor");
    expect(codecOfCid(cidOfBytes(new Uint8Array(), "dagPb"))).toBe("dagPb");
  });

  test.each([
    "",
    "hello",
    "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    "../../etc/passwd",
    "b".repeat(200),
    "BAFKREIFZJUT3TE7NHYEKKLSS27NH3K72YSCO7Y32KOAO5EEI66WOF36N5E",
  ])("%j is refused", (text) => {
    expect(() => parseCid(text)).toThrow(/is not a CIDv1/);
  });
});

describe("node ids", () => {
  test("hold the public key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const key = keyPairOfSeed(seed);
        expect(key.nodeId).toMatch(/^12D3KooW/);
        expect(publicKeyOfNodeId(parseNodeId(key.nodeId))).toEqual(key.publicKey);
      }),
      { numRuns: 30 },
    );
  });

  test.each(["", "12D3KooW", "12D3KooW0OIl", "x".repeat(500)])("%j is refused", (text) => {
    expect(() => parseNodeId(text)).toThrow(/is not a node id/);
  });
});

test("lease ids are read back, and nothing else is", () => {
  expect(parseLeaseId(leaseIdOf(new Uint8Array(26).fill(255)))).toBe("7".repeat(26));
  expect(() => parseLeaseId("short")).toThrow(/is not a lease id/);
});

test("short ids keep both ends", () => {
  expect(shortId("12D3KooWabcdefgh12345678")).toBe("12D3…12345678");
  expect(shortId("short")).toBe("short");
});
