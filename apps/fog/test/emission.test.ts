/** Epochs on a real chain: work that was paid becomes rewards, a root, a window, claims; whatever is killed, and whoever tampers. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import {
  ClaimTree,
  DistributorAt,
  ESCROW_ASK_NANOGRAM,
  encodeClaim,
  encodeExecute,
  encodeFinish,
  encodeFunding,
  encodePostRoot,
  encodeQuorumCall,
  jobEscrow,
  openEvidence,
  PingoWallet,
  QuorumAt,
  settleEpoch,
  signCell,
} from "@pingo/contracts";
import {
  type BooksReport,
  digestOfCid,
  type EmissionView,
  type EpochDocument,
  encodeCanonical,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  type Pool,
  type PoolRewards,
  parseShape,
  signValue,
  WALLET_DOMAIN,
  zBooksReport,
  zEmissionView,
  zEpochDocument,
  zJobEscrowView,
  zRewardsView,
} from "@pingo/core";
import { systemClock, systemDisk, systemPrng } from "@pingo/core/system";
import { createDiskBlocks, readFile } from "@pingo/storage";
import { createWalletSender, type WalletSender, walletContract } from "@pingo/ton";
import { Address, Cell } from "@ton/core";
import { sql as raw } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import type { Sql } from "../src/database/schema.ts";
import { auditEpochs } from "../src/emission/audit-epochs.ts";
import { Documents } from "../src/emission/documents.ts";
import { createEmissionChain } from "../src/emission/emission-chain.ts";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, blocksOf, ONE_UNIT, postCbor, untilFinished } from "./tiny-job.ts";

const NETWORK = -3;
const NANO = 1_000_000_000n;
/** Divides evenly over three rounds, and its fee into eighths. */
const BUDGET_NANO = 9n * NANO;
const FEE_NANO = (BUDGET_NANO * 5n) / 100n;
const EIGHTH_NANO = FEE_NANO / 8n;
const EPOCH_S = 1_000;
const WINDOW_S = 300;
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const fogKey = newKey();
const owner = newKey();
const ownerWallet = newKey();
const providerKey = newKey();
const providerWallet = newKey();
let place: FogPlace;
let devnet: DevnetChain;
let fog: FogProcess;
let payer: WalletSender;

beforeAll(async () => {
  const plain = started.use(await makePlace());
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  const emission = { epochSeconds: EPOCH_S, windowSeconds: WINDOW_S, bondGram: 2 };
  devnet = started.use(await startDevnetChain(home, fogKey, ownerWallet, emission));
  await devnet.fund(fogKey);
  await devnet.fund(ownerWallet);
  const more = {
    PINGO_FOG_PAYMENT: "chain",
    PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
    TON_ENDPOINT: devnet.endpoint,
  };
  place = { ...plain, env: { ...plain.env, ...more } };
  fog = await startFog(place);
  payer = createWalletSender({
    chain: devnet.client,
    key: ownerWallet,
    network: NETWORK,
    clock: systemClock,
  });
  await link(owner, ownerWallet);
  await link(providerKey, providerWallet);
});
afterAll(async () => {
  await fog[Symbol.asyncDispose]();
  await started.disposeAsync();
});

function addressOf(key: KeyPair): Address {
  return walletContract(key.publicKey, NETWORK).address;
}

async function link(node: KeyPair, wallet: KeyPair): Promise<void> {
  const address = addressOf(wallet).toRawString();
  const statement = { node: node.nodeId, address, network: NETWORK, atUnixMs: Date.now() };
  const byNode = signValue(WALLET_DOMAIN, statement, node);
  const both = { byNode, byWallet: signValue(WALLET_DOMAIN, statement, wallet) };
  expect((await postCbor(`${fog.url}/v1/wallets`, encodeCanonical(both))).status).toBe(201);
}

async function until<T>(look: () => Promise<T | undefined | null | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await systemClock.sleep(50);
  }
}

async function heldNano(address: Address): Promise<bigint> {
  const minter = Address.parseRaw(String(devnet.book["minter"]));
  return devnet.client.open(new PingoWallet(address, minter)).getBalanceNano();
}

function vaultOf(pool: Pool): Address {
  return Address.parseRaw(String(devnet.book[pool]));
}

async function emission(): Promise<EmissionView> {
  return parseShape(zEmissionView, await (await fetch(`${fog.url}/v1/emission`)).json(), "the emission");
}

async function rewards(pool: Pool, key: KeyPair): Promise<PoolRewards> {
  const answer = await (await fetch(`${fog.url}/v1/rewards/${addressOf(key).toRawString()}`)).json();
  const found = parseShape(zRewardsView, answer, "the rewards").pools.find((of) => of.pool === pool);
  if (!found) throw new Error(`no pool ${pool}`);
  return found;
}

async function audit(): Promise<BooksReport> {
  return parseShape(zBooksReport, await (await fetch(`${fog.url}/v1/audit`)).json(), "the audit");
}

async function escrowOf(job: JobView) {
  const { escrow } = parseShape(
    zJobEscrowView,
    await (await fetch(`${fog.url}/v1/jobs/${job.id}/escrow`)).json(),
    "the escrow",
  );
  return escrow;
}

/** Submitted, funded, worked on, billed, paid. */
async function paidJob(): Promise<JobView> {
  const job = await acceptTinyJob(fog.url, owner, { ...ONE_UNIT, budgetNano: BUDGET_NANO.toString() });
  const info = await until(() => escrowOf(job));
  const terms = {
    minter: Address.parseRaw(String(devnet.book["minter"])),
    quorum: Address.parseRaw(String(devnet.book["quorum"])),
    user: payer.address,
    fog: addressOf(fogKey),
    job: digestOfCid(job.id),
    deadlineUnixS: info.deadlineUnixS,
  };
  await payer.send(encodeFunding(terms, BUDGET_NANO));
  {
    await using provider = await join(fog, { key: providerKey });
    for (let done = 0; done < 3; done++) await provider.send(await provider.work(await provider.nextLease()));
    await untilFinished(fog.url, job);
  }
  const escrow = jobEscrow(terms);
  await until(async () => (await devnet.client.open(escrow).getView()).phase === "billed");
  await payer.send([{ to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
  await until(async () => (await escrowOf(job))?.state === "closed");
  return job;
}

async function killAndStart(): Promise<void> {
  await fog.kill("SIGKILL");
  fog = await startFog(place);
}

async function documentOf(epoch: EmissionView["epochs"][number] | undefined): Promise<EpochDocument> {
  if (!epoch) throw new Error("an epoch is closed");
  const bytes = await readFile(blocksOf(fog.url), epoch.document, { sizeBytesMax: 2 ** 20 });
  return parseShape(zEpochDocument, JSON.parse(new TextDecoder().decode(bytes)), "the epoch's file");
}

/** By whoever pays the gas. */
async function claimBy({ pool, proof }: PoolRewards, key: KeyPair): Promise<void> {
  const body = encodeClaim(addressOf(key), Cell.fromBase64(String(proof)));
  await payer.send([{ to: vaultOf(pool), valueNanogram: NANO / 5n, body }]);
}

test("paid work becomes rewards: the epoch closes, its root waits and then pays whoever asks for the owner, once, whatever is killed in between", async () => {
  expect(await (await fetch(`${fog.url}/v1/rewards/nobody`)).json()).toMatchObject({
    error: { code: "SHAPE_INVALID" },
  });
  await paidJob();
  // Not closed yet: what the running epoch would give.
  expect(await rewards("compute", providerKey)).toMatchObject({ runningNano: "0", givenNano: "0" });
  expect(await rewards("compute", providerWallet)).toMatchObject({
    runningNano: (3n * EIGHTH_NANO).toString(),
    givenNano: "0",
    proof: null,
  });
  await devnet.travel(EPOCH_S);
  await until(async () => fog.logged().includes("epoch_closed"));
  await killAndStart();
  await until(async () => (await emission()).pools.every(({ waiting }) => waiting !== null));
  await killAndStart();
  const { pools, epochs } = await emission();
  expect(epochs).toHaveLength(1);
  expect(pools.map(({ active, paidNano }) => [active, paidNano])).toEqual([
    [null, "0"],
    [null, "0"],
  ]);
  const document = await documentOf(epochs[0]);
  expect(pools.map(({ waiting }) => waiting?.root)).toEqual([
    document.pools.compute.root,
    document.pools.fog.root,
  ]);

  // Whoever has the blocks comes to the same roots.
  const opened = await openEvidence(document, (cid) => blocksOf(fog.url).get(cid));
  const roomNano = {
    compute: BigInt(document.pools.compute.roomNano),
    fog: BigInt(document.pools.fog.roomNano),
  };
  const nothing = { compute: [], fog: [] };
  expect(settleEpoch(opened, roomNano, nothing)).toEqual(document.pools);
  const part = (pool: Pool, key: KeyPair): string | undefined =>
    document.pools[pool].rewards.find((share) => share.owner === addressOf(key).toRawString())?.nano;
  expect(part("compute", providerWallet)).toBe((3n * EIGHTH_NANO).toString());
  expect(part("compute", ownerWallet)).toBe(EIGHTH_NANO.toString());
  expect(part("fog", fogKey)).toBe((3n * EIGHTH_NANO).toString());
  expect(part("fog", ownerWallet)).toBe(EIGHTH_NANO.toString());

  // Waits for its window: nothing is claimable, and the proof is not handed out yet.
  expect(await rewards("compute", providerWallet)).toMatchObject({ inForceNano: "0", proof: null });
  await devnet.travel(WINDOW_S + 1);
  await until(async () => (await rewards("compute", providerWallet)).proof);
  const before = await heldNano(addressOf(providerWallet));
  await claimBy(await rewards("compute", providerWallet), providerWallet);
  await until(async () => (await heldNano(addressOf(providerWallet))) === before + 3n * EIGHTH_NANO);
  // One that is executed while the station is down is in the books when it is up again.
  const fogsOwn = await rewards("fog", fogKey);
  await fog.kill("SIGKILL");
  await claimBy(fogsOwn, fogKey);
  fog = await startFog(place);
  await until(
    async () => (await rewards("compute", providerWallet)).claimedNano === (3n * EIGHTH_NANO).toString(),
  );

  // The record says that all of it is paid: a second claim moves nothing.
  await claimBy(await rewards("compute", providerWallet), providerWallet);
  const vault = devnet.client.open(new DistributorAt(vaultOf("compute")));
  await systemClock.sleep(1_000); // several blocks
  expect(await heldNano(addressOf(providerWallet))).toBe(before + 3n * EIGHTH_NANO);
  expect((await vault.getView()).paidNano).toBe(3n * EIGHTH_NANO);
  expect(await audit()).toMatchObject({ differences: 0, findings: [] });
});

/** What somebody with the database in hand could do, and what it is called. */
const ALTERATIONS: readonly (readonly [string, string])[] = [
  [
    "update entries set amount_nano = amount_nano + 1 where account like 'reward/%' and amount_nano > 0",
    "REWARD_WRONG",
  ],
  [
    "delete from entries where transfer in (select id from transfers where key like 'reward/%')",
    "REWARD_WRONG",
  ],
  ["update transfers set key = key || 'x' where key like 'reward/%'", "REWARD_WITHOUT_RECEIPT"],
  ["update epoch_roots set root = repeat('1', 64)", "ROOT_WRONG"],
  ["update epoch_roots set root = repeat('1', 64)", "ROOT_DIFFERS"],
  ["delete from epoch_roots", "ROOT_NOT_IN_BOOKS"],
  ["update epoch_roots set epoch = epoch + 1; update epoch_roots set is_seen = true", "ROOT_NOT_ON_CHAIN"],
  ["delete from epoch_jobs", "EPOCH_WRONG"],
  ["update epochs set document = (select id from jobs limit 1)", "EPOCH_WRONG"],
  [
    "update entries set amount_nano = amount_nano - 1 where account like 'world/emission/%' and amount_nano > 0",
    "CLAIM_DIFFERS",
  ],
  ["update transfers set key = key || '1' where key like 'claim/%'", "CLAIM_NOT_ON_CHAIN"],
  ["update transfers set key = key || '1' where key like 'claim/%'", "CLAIM_NOT_IN_BOOKS"],
];

test("the audit names what was altered: rewards, epochs, roots and claims, in both directions", async () => {
  await fog.kill("SIGTERM");
  const folder = joinPath(String(place.env["PINGO_HOME"]), "fog");
  const { client } = devnet;
  const wallet = createWalletSender({ chain: client, key: fogKey, network: NETWORK, clock: systemClock });
  const book = { minter: "", quorum: "", certificates: "", ...devnet.book };
  const { signal } = new AbortController();
  const chain = createEmissionChain({ client, wallet, book, network: NETWORK }, fogKey, signal);
  const blocks = createDiskBlocks({ folder: joinPath(folder, "blocks"), disk: systemDisk });
  const documents = new Documents(blocks);
  {
    await using database = await openDatabase({ folder, url: undefined });
    const codesOf = async (alteration: string | undefined): Promise<readonly string[]> => {
      const codes: string[] = [];
      const undone = database.sql.transaction(async (tx: Sql) => {
        for (const table of ["entries", "transfers"])
          await tx.execute(raw.raw(`alter table ${table} disable trigger user`));
        await tx.execute(raw`alter table epoch_roots drop constraint epoch_roots_epoch_fkey`);
        for (const one of alteration?.split(";") ?? []) await tx.execute(raw.raw(one));
        await auditEpochs({ sql: tx, chain, blocks, documents }, (code) => codes.push(code));
        throw new RangeError("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      return codes;
    };
    expect(await codesOf(undefined)).toEqual([]);
    for (const [alteration, code] of ALTERATIONS)
      expect(await codesOf(alteration), alteration).toContain(code);
  }
  fog = await startFog(place);
});

test("a root that the quorum signed for somebody else is waited for and named, and no root of these books goes on top of it", async () => {
  await devnet.travel(EPOCH_S);
  const vault = vaultOf("compute");
  const distributor = devnet.client.open(new DistributorAt(vault));
  const { active } = await distributor.getView();
  const tree = new ClaimTree([{ owner: addressOf(owner).hash, cumulativeNano: active.totalNano + 5n }]);
  const running = (await emission()).running;
  const quorum = Address.parseRaw(String(devnet.book["quorum"]));
  const view = await devnet.client.open(new QuorumAt(quorum)).getView();
  const call = encodeQuorumCall({
    ...{ quorum, globalId: NETWORK, seqno: view.seqno, target: vault },
    validUntilUnixS: (await devnet.client.nowUnixS()) + 60,
    order: encodePostRoot({ epoch: running - 1, root: tree.root, totalNano: tree.totalNano }),
  });
  const body = encodeExecute(call, new Map([[0, signCell(fogKey, call)]]));
  await payer.send([{ to: quorum, valueNanogram: NANO / 5n, body }]);
  await until(async () => (await emission()).pools[0]?.waiting);
  await paidJob();
  await devnet.travel(EPOCH_S);
  await until(async () => (await emission()).epochs.length === 2);
  // In force by now, as its window is over: what was given before must not be posted on top of it.
  await until(async () => fog.logged().includes("is not of these books"));
  expect((await emission()).pools[0]).toMatchObject({ active: { epoch: running - 1 }, waiting: null });
  expect((await audit()).findings.map(({ code }) => code)).toEqual(["ROOT_NOT_IN_BOOKS"]);
});
