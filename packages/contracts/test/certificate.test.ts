import { Address, beginCell, type Cell, Dictionary } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import {
  Certificate,
  CertificateCollection,
  encodeDestroy,
  encodeIssue,
  encodeLapse,
  encodeProveOwnership,
  encodeRequestOwner,
  encodeSetQuorum,
  encodeTakeExcess,
  encodeWithdraw,
  isCertificateValid,
  OWNER_INFO_OP,
  OWNERSHIP_PROOF_OP,
} from "../src/certificate/certificate.ts";
import { EXCESSES_OP } from "../src/jetton/pingo-wallet.ts";
import { encodeOrder, ORDER_FAILED_OP } from "../src/quorum/order.ts";
import { addressOf, NANOGRAM, START_UNIX_S, type TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import { ALICE, BOB, MALLORY } from "./genesis.ts";
import { deployQuorum, GOVERNOR, orderByQuorum, QUORUM, RELAYER } from "./quorum-of.ts";

const DAY_SECONDS = 24 * 3600;
const COLLECTION = new CertificateCollection(QUORUM.address, GOVERNOR);
const OF_ALICE = new Certificate(ALICE, COLLECTION.address);
const DOOR = addressOf("fog node's door");
const PAYLOAD = beginCell().storeUint(4711, 32).endCell();
const LENT = {
  millicores: 4000n,
  bytes: 50n * 1024n ** 3n,
  tier: 2,
  validUntilUnixS: START_UNIX_S + 90 * DAY_SECONDS,
};

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await deployQuorum(chain);
  await chain.send({ from: RELAYER, to: COLLECTION.address, valueNanogram: NANOGRAM, init: COLLECTION.init });
});

afterAll(() => expectCovered("certificate", "certificate-collection"));

async function issue(owner: Address, changed: Partial<typeof LENT> = {}, valueNanogram = NANOGRAM) {
  const order = encodeIssue(owner, { ...LENT, ...changed });
  return await orderByQuorum(chain, COLLECTION.address, order, { valueNanogram });
}

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: OF_ALICE.address, valueNanogram, body });
}

/** Whom a proof was sent to has no use for it. */
async function returnProof() {
  const body = beginCell().storeUint(0xffffffff, 32).storeUint(OWNERSHIP_PROOF_OP, 32).endCell();
  const to = OF_ALICE.address;
  return await chain.send({ from: DOOR, to, valueNanogram: NANOGRAM, isBounced: true, body });
}

async function view() {
  return await chain.open(OF_ALICE).getView();
}

test("the quorum issues a certificate that says what its owner lends, and returns the GRAM that is left", async () => {
  expect(await view()).toBeNull();
  expect(isCertificateValid(await view(), START_UNIX_S)).toBe(false);
  const steps = await issue(ALICE);
  expectGas("certificate-collection: issue", steps[1]);
  expectGas("certificate: first certify", steps[2]);
  const issued = await view();
  expect(issued).toEqual({ ...LENT, sinceUnixS: START_UNIX_S, revokedAtUnixS: 0 });
  expect(isCertificateValid(issued, LENT.validUntilUnixS)).toBe(true);
  expect(isCertificateValid(issued, LENT.validUntilUnixS + 1)).toBe(false);
  expect((await chain.open(OF_ALICE).getOwner())?.equals(ALICE)).toBe(true);
  const left = steps.at(-1);
  expect([left?.op, left?.to.equals(RELAYER)]).toEqual([EXCESSES_OP, true]);
  expect(left?.valueNanogram).toBeGreaterThan((NANOGRAM * 95n) / 100n);
});

test("nobody else issues, and a stranger's collection makes other certificates", async () => {
  const order = encodeOrder(encodeIssue(ALICE, LENT), MALLORY);
  for (const from of [MALLORY, GOVERNOR, ALICE]) {
    const steps = await chain.send({ from, to: COLLECTION.address, valueNanogram: NANOGRAM, body: order });
    expect(steps[0]?.exitCode).toBe(220);
  }
  const foreign = new CertificateCollection(MALLORY, MALLORY);
  await chain.send({
    from: MALLORY,
    to: foreign.address,
    valueNanogram: NANOGRAM,
    init: foreign.init,
    body: order,
  });
  expect(await chain.open(new Certificate(ALICE, foreign.address)).getView()).not.toBeNull();
  expect(await view()).toBeNull();
  const forged = beginCell()
    .storeUint(0x50470301, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeAddress(ALICE);
  const [step] = await chain.send({
    from: MALLORY,
    to: OF_ALICE.address,
    valueNanogram: NANOGRAM,
    init: OF_ALICE.init,
    body: forged
      .storeUint(1, 64)
      .storeUint(1, 64)
      .storeUint(1, 8)
      .storeUint(2 ** 32 - 1, 32)
      .endCell(),
  });
  expect(step?.exitCode).toBe(220);
  const [nothing] = await ask(ALICE, encodeTakeExcess());
  expect(nothing?.exitCode).toBe(272);
  const { stackReader } = await chain.blockchain.runGetMethod(OF_ALICE.address, "get_nft_data");
  expect(stackReader.readBoolean()).toBe(false);
});

test("an order out of bounds is refused, and its GRAM comes back", async () => {
  for (const [owner, changed, valueNanogram, exitCode] of [
    [ALICE, { validUntilUnixS: START_UNIX_S }, NANOGRAM, 223],
    [ALICE, { validUntilUnixS: START_UNIX_S + 101 * DAY_SECONDS }, NANOGRAM, 273],
    [new Address(-1, ALICE.hash), {}, NANOGRAM, 204],
    [ALICE, {}, NANOGRAM / 400n, 202],
  ] as const) {
    const steps = await issue(owner, changed, valueNanogram);
    expect(steps[1]?.exitCode).toBe(exitCode);
    expect(steps.at(-1)?.op).toBe(ORDER_FAILED_OP);
  }
  const steps = await orderByQuorum(chain, COLLECTION.address, encodeWithdraw(BOB));
  expect(steps.at(-1)?.op).toBe(ORDER_FAILED_OP);
  expect(steps.at(-1)?.to.equals(RELAYER)).toBe(true);
  expect(steps.at(-1)?.valueNanogram).toBeGreaterThan((NANOGRAM * 95n) / 100n);
  const poor = await orderByQuorum(chain, COLLECTION.address, encodeWithdraw(BOB), {
    valueNanogram: NANOGRAM / 400n,
  });
  expect(poor[1]?.exitCode).toBe(202);
});

test("whatever GRAM is attached, a certificate is issued whole or refused at the collection", async () => {
  for (let valueNanogram = 1_000_000n; valueNanogram < 6_000_000n; valueNanogram += 250_000n) {
    const owner = addressOf(`cut at ${valueNanogram}`);
    const steps = await issue(owner, {}, valueNanogram);
    const issued = await chain.open(new Certificate(owner, COLLECTION.address)).getView();
    expect(issued !== null).toBe(!(steps[0]?.isAborted || steps[1]?.isAborted));
  }
});

test("renewed without a gap it keeps its beginning; after a gap it begins again", async () => {
  await issue(ALICE);
  chain.advance(80 * DAY_SECONDS);
  const until = START_UNIX_S + 170 * DAY_SECONDS;
  const steps = await issue(ALICE, { tier: 3, validUntilUnixS: until });
  expectGas("certificate: renew", steps[2]);
  expect(await view()).toMatchObject({ tier: 3, sinceUnixS: START_UNIX_S, validUntilUnixS: until });
  chain.advance(120 * DAY_SECONDS);
  await issue(ALICE, { validUntilUnixS: chain.nowUnixS + DAY_SECONDS });
  expect(await view()).toMatchObject({ sinceUnixS: chain.nowUnixS });
});

test("the quorum revokes it, anyone says when it lapsed, and a new one can be earned", async () => {
  await issue(ALICE);
  expect((await ask(MALLORY, encodeLapse()))[0]?.exitCode).toBe(252);
  const revoke = beginCell().storeUint(0x6f89f5e3, 32).storeUint(0, 64).storeAddress(MALLORY).endCell();
  expect((await ask(MALLORY, revoke))[0]?.exitCode).toBe(220);
  const steps = await orderByQuorum(chain, COLLECTION.address, encodeWithdraw(ALICE));
  expectGas("certificate-collection: withdraw", steps[1]);
  expectGas("certificate: revoke", steps[2]);
  expect(await view()).toMatchObject({ revokedAtUnixS: chain.nowUnixS });
  expect(isCertificateValid(await view(), chain.nowUnixS)).toBe(false);
  expect((await orderByQuorum(chain, COLLECTION.address, encodeWithdraw(ALICE)))[2]?.exitCode).toBe(271);
  expect((await ask(MALLORY, encodeLapse()))[0]?.exitCode).toBe(271);

  chain.advance(DAY_SECONDS);
  await issue(ALICE);
  expect(await view()).toMatchObject({ revokedAtUnixS: 0, sinceUnixS: chain.nowUnixS });
  chain.advance(90 * DAY_SECONDS);
  const lapsed = await ask(BOB, encodeLapse());
  expectGas("certificate: lapse", lapsed[0]);
  expect(lapsed[1]?.to.equals(BOB)).toBe(true);
  expect(await view()).toMatchObject({ revokedAtUnixS: LENT.validUntilUnixS });
});

test("it cannot be transferred, by its owner or anyone", async () => {
  await issue(ALICE);
  const transfer = beginCell()
    .storeUint(0x5fcc3d14, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeUint(0, 9);
  for (const from of [ALICE, MALLORY]) {
    expect((await ask(from, transfer.endCell()))[0]?.exitCode).toBe(270);
  }
  expect((await chain.open(OF_ALICE).getOwner())?.equals(ALICE)).toBe(true);
});

test("its owner proves ownership to a contract; anyone may ask who owns it", async () => {
  await issue(ALICE);
  expect((await ask(MALLORY, encodeProveOwnership(DOOR, PAYLOAD)))[0]?.exitCode).toBe(201);
  const proved = await ask(ALICE, encodeProveOwnership(DOOR, PAYLOAD, 8n));
  expectGas("certificate: prove ownership", proved[0]);
  const asked = await ask(BOB, encodeRequestOwner(DOOR, PAYLOAD, 9n));
  expectGas("certificate: request owner", asked[0]);
  for (const [step, op, queryId, initiator] of [
    [proved[1], OWNERSHIP_PROOF_OP, 8n, null],
    [asked[1], OWNER_INFO_OP, 9n, BOB],
  ] as const) {
    expect(step?.to.equals(DOOR)).toBe(true);
    const read = step?.body.beginParse();
    expect(read?.loadUint(32)).toBe(op);
    expect(read?.loadUintBig(64)).toBe(queryId);
    expect(read?.loadUintBig(256)).toBe(BigInt(`0x${ALICE.hash.toString("hex")}`));
    if (initiator) expect(read?.loadAddress().equals(initiator)).toBe(true);
    expect(read?.loadAddress().equals(ALICE)).toBe(true);
    expect(read?.loadRef().equals(PAYLOAD)).toBe(true);
    expect(read?.loadUintBig(64)).toBe(0n);
    expect(read?.loadMaybeRef()?.beginParse().loadUintBig(64)).toBe(LENT.millicores);
  }
  const back = await returnProof();
  expect([back[1]?.op, back[1]?.to.equals(ALICE)]).toEqual([EXCESSES_OP, true]);
});

test("GRAM that comes when its owner has destroyed it is still theirs", async () => {
  await issue(ALICE);
  await ask(ALICE, encodeDestroy());
  const back = await returnProof();
  expect([back[1]?.op, back[1]?.to.equals(ALICE)]).toEqual([EXCESSES_OP, true]);
  expect(back[1]?.valueNanogram).toBeGreaterThan((NANOGRAM * 99n) / 100n);
  await ask(BOB, beginCell().endCell());
  expect((await ask(MALLORY, encodeTakeExcess()))[0]?.exitCode).toBe(201);
  const taken = await ask(ALICE, encodeTakeExcess());
  expect(taken[1]?.valueNanogram).toBeGreaterThan((NANOGRAM * 19n) / 10n);
});

test("its owner may destroy it, and take GRAM that it does not need; a new one can be earned", async () => {
  await issue(ALICE);
  await ask(BOB, beginCell().endCell());
  for (const body of [encodeTakeExcess(), encodeDestroy()]) {
    expect((await ask(MALLORY, body))[0]?.exitCode).toBe(201);
  }
  const taken = await ask(ALICE, encodeTakeExcess());
  expect(taken[1]?.valueNanogram).toBeGreaterThan((NANOGRAM * 19n) / 10n);
  const destroyed = await ask(ALICE, encodeDestroy());
  expectGas("certificate: destroy", destroyed[0]);
  expect(await chain.open(OF_ALICE).getOwner()).toBeNull();
  expect(await view()).toMatchObject({ revokedAtUnixS: chain.nowUnixS });
  expect(isCertificateValid(await view(), chain.nowUnixS)).toBe(false);
  for (const body of [
    encodeDestroy(),
    encodeProveOwnership(DOOR, PAYLOAD),
    encodeRequestOwner(DOOR, PAYLOAD),
  ]) {
    expect((await ask(ALICE, body))[0]?.exitCode).toBe(201);
  }
  await issue(ALICE);
  expect((await chain.open(OF_ALICE).getOwner())?.equals(ALICE)).toBe(true);
  expect(isCertificateValid(await view(), chain.nowUnixS)).toBe(true);
});

test("wallets and markets read it as TEP-62, TEP-64, TEP-66 and TEP-85 say", async () => {
  await issue(ALICE);
  const read = async (
    to: Address,
    method: string,
    ...stack: Parameters<typeof chain.blockchain.runGetMethod>[2][]
  ) => (await chain.blockchain.runGetMethod(to, method, stack[0])).stackReader;
  const index = BigInt(`0x${ALICE.hash.toString("hex")}`);
  const collection = await read(COLLECTION.address, "get_collection_data");
  expect(collection.readBigNumber()).toBe(-1n);
  expect(collection.readCell().beginParse().loadUint(8)).toBe(0);
  expect(collection.readAddress().equals(QUORUM.address)).toBe(true);
  const address = await read(COLLECTION.address, "get_nft_address_by_index", [{ type: "int", value: index }]);
  expect(address.readAddress().equals(OF_ALICE.address)).toBe(true);
  const nft = await read(OF_ALICE.address, "get_nft_data");
  expect(nft.readBoolean()).toBe(true);
  expect(nft.readBigNumber()).toBe(index);
  expect(nft.readAddress().equals(COLLECTION.address)).toBe(true);
  expect(nft.readAddress().equals(ALICE)).toBe(true);
  const cell = nft.readCell();
  const shown = await read(COLLECTION.address, "get_nft_content", [
    { type: "int", value: index },
    { type: "cell", cell },
  ]);
  const fields = shown
    .readCell()
    .beginParse()
    .skip(8)
    .loadDict(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  const texts = [...fields.values()].map((value) => value.beginParse().skip(8).loadStringTail());
  expect(texts.sort()).toEqual([
    `Lends 4000 millicores, ${LENT.bytes} bytes; tier 2; since ${START_UNIX_S}, valid until ${LENT.validUntilUnixS}`,
    "PinGo contribution",
  ]);
  expect(
    (await read(OF_ALICE.address, "get_authority_address")).readAddress().equals(COLLECTION.address),
  ).toBe(true);
  expect((await read(OF_ALICE.address, "get_revoked_time")).readNumber()).toBe(0);
  const royalty = await read(COLLECTION.address, "royalty_params");
  expect([royalty.readNumber(), royalty.readNumber()]).toEqual([0, 1000]);

  const staticData = await ask(BOB, beginCell().storeUint(0x2fcb26a2, 32).storeUint(3, 64).endCell());
  const reported = staticData[1]?.body.beginParse();
  expect([reported?.loadUint(32), reported?.loadUint(64), reported?.loadUintBig(256)]).toEqual([
    0x8b771735,
    3,
    index,
  ]);
  const asked = await chain.send({
    from: BOB,
    to: COLLECTION.address,
    valueNanogram: NANOGRAM,
    body: beginCell().storeUint(0x693d3950, 32).storeUint(4, 64).endCell(),
  });
  const answer = asked[1]?.body.beginParse();
  expect([answer?.loadUint(32), answer?.loadUint(64), answer?.loadUint(16)]).toEqual([0xa8cb00ad, 4, 0]);
});

test("the governor alone names another quorum; unknown messages and orders are refused", async () => {
  const send = async (from: Address, body: Cell) =>
    (await chain.send({ from, to: COLLECTION.address, valueNanogram: NANOGRAM, body }))[0];
  const change = encodeOrder(encodeSetQuorum(BOB), RELAYER);
  expect((await send(MALLORY, change))?.exitCode).toBe(220);
  expectGas("certificate-collection: set quorum", await send(GOVERNOR, change));
  expect((await issue(ALICE))[1]?.exitCode).toBe(220);
  expect((await send(MALLORY, encodeOrder(encodeWithdraw(ALICE), MALLORY)))?.exitCode).toBe(220);
  expect((await send(BOB, encodeOrder(encodeIssue(ALICE, LENT), RELAYER)))?.exitCode).toBe(0);
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  expect((await send(BOB, noise))?.exitCode).toBe(65535);
  expect((await send(BOB, encodeOrder(noise, BOB)))?.exitCode).toBe(65535);
  expect((await send(BOB, beginCell().endCell()))?.exitCode).toBe(0);
  expect((await ask(BOB, noise))[0]?.exitCode).toBe(65535);
});
