/** The certificate through eyes that are not ours: the TON community's assets SDK, as wallets and markets use it. */
import { loadFullContent } from "@ton-community/assets-sdk/dist/content.js";
import { NftCollection } from "@ton-community/assets-sdk/dist/nft/NftCollection.js";
import { SbtItem } from "@ton-community/assets-sdk/dist/nft/SbtItem.js";
import { beforeEach, expect, test } from "vitest";
import { Certificate, encodeWithdraw } from "../src/certificate/certificate.ts";
import { encodeOrder } from "../src/quorum/order.ts";
import { NANOGRAM, TestChain } from "../src/testing/index.ts";
import { ALICE } from "./genesis.ts";
import { BUILDERS, COLLECTION, ISSUER, startGovernance } from "./governance-of.ts";

const [OWNER = ALICE] = BUILDERS;
/** All of it is on chain: whoever asked for more would ask a server. */
const NOWHERE = {
  resolve: (address: string) => Promise.reject(new Error(`nothing of it is at ${address}`)),
};

let chain: TestChain;

beforeEach(async () => {
  chain = await TestChain.start();
  await startGovernance(chain);
});

test("it reads the collection: no count, its issuer, its words, no royalty, and where a certificate is", async () => {
  const collection = chain.open(NftCollection.createFromAddress(COLLECTION.address, NOWHERE));
  const { nextItemIndex, owner, content } = await collection.getData();
  expect(nextItemIndex).toBe(-1n);
  expect(owner?.equals(ISSUER)).toBe(true);
  expect(await loadFullContent(content, NOWHERE)).toMatchObject({ type: "onchain" });
  expect(await collection.getContent()).toMatchObject({
    name: "PinGo contributors",
    description: expect.stringContaining("never sold"),
  });
  expect(await collection.getRoyaltyParams()).toMatchObject({ numerator: 0n, denominator: 1000n });
  const index = BigInt(`0x${OWNER.hash.toString("hex")}`);
  const { address } = new Certificate(OWNER, COLLECTION.address);
  expect((await collection.getItemAddress(index)).equals(address)).toBe(true);
});

test("it reads the certificate: whose, of which collection, and what it says, also once it is revoked", async () => {
  const { address } = new Certificate(OWNER, COLLECTION.address);
  const item = chain.open(SbtItem.createFromAddress(address, NOWHERE));
  for (const isRevoked of [false, true]) {
    if (isRevoked) {
      const body = encodeOrder(encodeWithdraw(OWNER), ISSUER);
      await chain.send({ from: ISSUER, to: COLLECTION.address, valueNanogram: NANOGRAM, body });
    }
    const read = await item.getData();
    expect([read.initialized, read.index]).toEqual([true, BigInt(`0x${OWNER.hash.toString("hex")}`)]);
    expect(read.owner?.equals(OWNER)).toBe(true);
    expect(read.collection?.equals(COLLECTION.address)).toBe(true);
    expect(await item.getContent()).toMatchObject({
      type: "onchain",
      name: "PinGo contribution",
      description: expect.stringMatching(/^Lends 1 millicores, 1 bytes; tier 1; since \d+, valid until \d+$/),
    });
  }
});
