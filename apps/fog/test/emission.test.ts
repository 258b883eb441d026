import { join as joinPath } from "node:path";
import {
  ClaimTree,
  DistributorAt,
  encodeClaim,
  encodeExecute,
  encodePostRoot,
  encodeQuorumCall,
  openEvidence,
  PingoWallet,
  QuorumAt,
  settleEpoch,
  signCell,
} from "@pingo/contracts";
import {
  type BooksReport,
  type EmissionView,
  type EpochDocument,
  type KeyPair,
  type Pool,
  type PoolRewards,
  parseShape,
  zBooksReport,
  zEpochDocument,
  zRewardsView,
} from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { createDiskBlocks, readFile } from "@pingo/storage";
import { createWalletSender } from "@pingo/ton";
import { Address, Cell } from "@ton/core";
import { sql as raw } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import type { Sql } from "../src/database/schema.ts";
import { auditEpochs } from "../src/emission/audit-epochs.ts";
import { Documents } from "../src/emission/documents.ts";
import { createEmissionChain } from "../src/emission/emission-chain.ts";
import { addressOf, type PaidFog, startPaidFog, until } from "./paid-fog.ts";
import { blocksOf } from "./tiny-job.ts";

const NETWORK = -3;
const NANO = 1_000_000_000n;
/** Divides evenly over three rounds, and its fee into eighths. */
const BUDGET_NANO = 9n * NANO;
const FEE_NANO = (BUDGET_NANO * 5n) / 100n;
const EIGHTH_NANO = FEE_NANO / 8n;
const EPOCH_S = 1_000;
const WINDOW_S = 300;
let net: PaidFog;

beforeAll(async () => {
  const terms = { epochSeconds: EPOCH_S, windowSeconds: WINDOW_S, bondGram: 2 };
  net = await startPaidFog({ emission: terms });
});
afterAll(() => net[Symbol.asyncDispose]());

async function heldNano(address: Address): Promise<bigint> {
  const minter = Address.parseRaw(String(net.devnet.book["minter"]));
  return net.devnet.client.open(new PingoWallet(address, minter)).getBalanceNano();
}

function vaultOf(pool: Pool): Address {
  return Address.parseRaw(String(net.devnet.book[pool]));
}

async function rewards(pool: Pool, key: KeyPair): Promise<PoolRewards> {
  const answer = await (await fetch(`${net.fog.url}/v1/rewards/${addressOf(key).toRawString()}`)).json();
  const found = parseShape(zRewardsView, answer, "the rewards").pools.find((of) => of.pool === pool);
  if (!found) throw new Error(`no pool ${pool}`);
  return found;
}

async function audit(): Promise<BooksReport> {
  return parseShape(zBooksReport, await (await fetch(`${net.fog.url}/v1/audit`)).json(), "the audit");
}

async function killAndStart(): Promise<void> {
  await net.kill("SIGKILL");
  await net.start();
}

async function documentOf(epoch: EmissionView["epochs"][number] | undefined): Promise<EpochDocument> {
  if (!epoch) throw new Error("an epoch is closed");
  const bytes = await readFile(blocksOf(net.fog.url), epoch.document, { sizeBytesMax: 2 ** 20 });
  return parseShape(zEpochDocument, JSON.parse(new TextDecoder().decode(bytes)), "the epoch's file");
}

/** By whoever pays the gas. */
async function claimBy({ pool, proof }: PoolRewards, key: KeyPair): Promise<void> {
  const body = encodeClaim(addressOf(key), Cell.fromBase64(String(proof)));
  await net.payer.send([{ to: vaultOf(pool), valueNanogram: NANO / 5n, body }]);
}

test("paid work becomes rewards: the epoch closes, its root waits and then pays whoever asks for the owner, once, whatever is killed in between", async () => {
  expect(await (await fetch(`${net.fog.url}/v1/rewards/nobody`)).json()).toMatchObject({
    error: { code: "SHAPE_INVALID" },
  });
  await net.paidJob(BUDGET_NANO);
  // Not closed yet: what the running epoch would give.
  expect(await rewards("compute", net.keys.provider)).toMatchObject({ runningNano: "0", givenNano: "0" });
  expect(await rewards("compute", net.keys.providerWallet)).toMatchObject({
    runningNano: (3n * EIGHTH_NANO).toString(),
    givenNano: "0",
    proof: null,
  });
  await net.devnet.travel(EPOCH_S);
  await until(async () => net.fog.logged().includes("epoch_closed"));
  await killAndStart();
  await until(async () => (await net.emission()).pools.every(({ waiting }) => waiting !== null));
  await killAndStart();
  const { pools, epochs } = await net.emission();
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
  const opened = await openEvidence(document, (cid) => blocksOf(net.fog.url).get(cid));
  const roomNano = {
    compute: BigInt(document.pools.compute.roomNano),
    fog: BigInt(document.pools.fog.roomNano),
  };
  const nothing = { compute: [], fog: [] };
  expect(settleEpoch(opened, roomNano, nothing)).toEqual(document.pools);
  const part = (pool: Pool, key: KeyPair): string | undefined =>
    document.pools[pool].rewards.find((share) => share.owner === addressOf(key).toRawString())?.nano;
  expect(part("compute", net.keys.providerWallet)).toBe((3n * EIGHTH_NANO).toString());
  expect(part("compute", net.keys.ownerWallet)).toBe(EIGHTH_NANO.toString());
  expect(part("fog", net.keys.fog)).toBe((3n * EIGHTH_NANO).toString());
  expect(part("fog", net.keys.ownerWallet)).toBe(EIGHTH_NANO.toString());

  // Waits for its window: nothing is claimable, and the proof is not handed out yet.
  expect(await rewards("compute", net.keys.providerWallet)).toMatchObject({ inForceNano: "0", proof: null });
  await net.devnet.travel(WINDOW_S + 1);
  await until(async () => (await rewards("compute", net.keys.providerWallet)).proof);
  const before = await heldNano(addressOf(net.keys.providerWallet));
  await claimBy(await rewards("compute", net.keys.providerWallet), net.keys.providerWallet);
  await until(async () => (await heldNano(addressOf(net.keys.providerWallet))) === before + 3n * EIGHTH_NANO);
  // One that is executed while the station is down is in the books when it is up again.
  const fogsOwn = await rewards("fog", net.keys.fog);
  await net.kill("SIGKILL");
  await claimBy(fogsOwn, net.keys.fog);
  await net.start();
  await until(
    async () =>
      (await rewards("compute", net.keys.providerWallet)).claimedNano === (3n * EIGHTH_NANO).toString(),
  );

  // The record says that all of it is paid: a second claim moves nothing.
  await claimBy(await rewards("compute", net.keys.providerWallet), net.keys.providerWallet);
  const vault = net.devnet.client.open(new DistributorAt(vaultOf("compute")));
  await systemClock.sleep(1_000); // several blocks
  expect(await heldNano(addressOf(net.keys.providerWallet))).toBe(before + 3n * EIGHTH_NANO);
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
  await net.kill("SIGTERM");
  const folder = joinPath(net.home, "fog");
  const { client } = net.devnet;
  const wallet = createWalletSender({
    chain: client,
    key: net.keys.fog,
    network: NETWORK,
    clock: systemClock,
  });
  const book = { minter: "", quorum: "", certificates: "", ...net.devnet.book };
  const { signal } = new AbortController();
  const station = { client, wallet, book, network: NETWORK, registry: null } as const;
  const chain = createEmissionChain(station, net.keys.fog, signal);
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
  await net.start();
});

test("a root that the quorum signed for somebody else is waited for and named, and no root of these books goes on top of it", async () => {
  await net.devnet.travel(EPOCH_S);
  const vault = vaultOf("compute");
  const distributor = net.devnet.client.open(new DistributorAt(vault));
  const { active } = await distributor.getView();
  const tree = new ClaimTree([
    { owner: addressOf(net.keys.owner).hash, cumulativeNano: active.totalNano + 5n },
  ]);
  const running = (await net.emission()).running;
  const quorum = Address.parseRaw(String(net.devnet.book["quorum"]));
  const view = await net.devnet.client.open(new QuorumAt(quorum)).getView();
  const call = encodeQuorumCall({
    ...{ quorum, globalId: NETWORK, seqno: view.seqno, target: vault },
    validUntilUnixS: (await net.devnet.client.nowUnixS()) + 60,
    valueMinNanogram: NANO / 5n,
    order: encodePostRoot({ epoch: running - 1, root: tree.root, totalNano: tree.totalNano }),
  });
  const body = encodeExecute(call, new Map([[0, signCell(net.keys.fog, call)]]));
  await net.payer.send([{ to: quorum, valueNanogram: NANO / 5n, body }]);
  await until(async () => (await net.emission()).pools[0]?.waiting);
  await net.paidJob(BUDGET_NANO);
  await net.devnet.travel(EPOCH_S);
  await until(async () => (await net.emission()).epochs.length === 2);
  // In force by now, as its window is over: what was given before must not be posted on top of it.
  await until(async () => net.fog.logged().includes("is not of these books"));
  expect((await net.emission()).pools[0]).toMatchObject({ active: { epoch: running - 1 }, waiting: null });
  expect((await audit()).findings.map(({ code }) => code)).toEqual(["ROOT_NOT_IN_BOOKS"]);
});
