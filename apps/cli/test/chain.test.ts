/** `pingo chain deploy` against a devnet behind a door that asks for a key, as toncenter's does. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  DEVNET_GENESIS_PATH,
  DistributorAt,
  encodeRelease,
  encodeTransfer,
  PINGO_SUPPLY_NANO,
  PingoMinter,
  PingoWallet,
  parseGenesisFile,
  planDeployment,
} from "@pingo/contracts";
import { testGenesis } from "@pingo/contracts/testing";
import { keyPairOfSeed, zAddressBookFile } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { freePort } from "@pingo/core/testing";
import { createToncenter, createWalletSender, keyOfWalletFile, parseWalletFile } from "@pingo/ton";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { expectNothingLeft, expectRefused, pingo, type Running, startPingo } from "./pingo.ts";

const KEY = "the key that this door asks for";
const PASSPHRASE = "a passphrase of the test";
const STAND_NANOGRAM = 50_000_000n;
let home = "";
let devnetPort = 0;
let devnet: Running;
let door: Server;
let doorUrl = "";
let deployer = "";
let onSend: () => void = () => undefined;
const refusedKeys: (string | undefined)[] = [];

beforeAll(async () => {
  home = await mkdtemp(joinPath(tmpdir(), "pingo-cli-chain-"));
  devnetPort = await freePort();
  devnet = startPingo(["devnet", "up", "--port", String(devnetPort)], { PINGO_HOME: home });
  const behind = `http://127.0.0.1:${devnetPort}/api/v2/jsonRPC`;
  await devnet.saw(behind);
  door = createServer((request, response) => {
    void (async () => {
      const key = request.headers["x-api-key"];
      if (key !== KEY) {
        refusedKeys.push(key?.toString());
        response
          .writeHead(401)
          .end(JSON.stringify({ ok: false, error: "API key does not exist", code: 401 }));
        return;
      }
      const body = await buffer(request);
      const headers = { "content-type": "application/json" };
      const answer = await fetch(behind, { method: "POST", headers, body: Uint8Array.from(body) });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (body.includes('"sendBoc"')) onSend();
      response.writeHead(answer.status, { "content-type": "application/json" }).end(bytes);
    })();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => door.once("listening", resolve));
  const address = door.address();
  doorUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/api/v2/jsonRPC`;
  const made = await pingo(["wallet", "create", "--json"], env());
  deployer = z.object({ raw: z.string() }).parse(JSON.parse(made.stdout)).raw;
});
afterAll(async () => {
  door.close();
  door.closeAllConnections();
  devnet.child.kill("SIGINT");
  await devnet.ended;
  await expectNothingLeft(home);
  await rm(home, { recursive: true });
});

function env(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return {
    PINGO_HOME: home,
    PINGO_WALLET_PASSPHRASE: PASSPHRASE,
    TON_ENDPOINT: doorUrl,
    TON_API_KEY: KEY,
    ...more,
  };
}

function genesisOf(change: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return testGenesis(deployer, keyPairOfSeed(systemPrng.bytes(32)).publicKey, change);
}

async function genesisFile(name: string, value: unknown): Promise<string> {
  const path = joinPath(home, name);
  await writeFile(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

const zDeployed = z.object({ sent: z.int(), path: z.string(), addresses: z.record(z.string(), z.string()) });

test("one command deploys everything; cut off after its first order it goes on, and nothing is sent twice", async () => {
  const genesis = genesisOf();
  const path = await genesisFile("genesis.json", genesis);
  const poor = await pingo(["chain", "deploy", "--genesis", path], env());
  expectRefused(poor, "DEPLOYER_NEEDS_GRAM", ["pingo devnet faucet", "has 0.00"]);
  const [, needed = ""] = /takes (\d+\.\d\d) GRAM/.exec(poor.stderr) ?? [];
  const faucet = ["devnet", "faucet", deployer, needed, "--port", String(devnetPort + 1)];
  expect((await pingo(faucet, env())).exitCode).toBe(0);

  const first = startPingo(["chain", "deploy", "--genesis", path], env());
  onSend = () => first.child.kill("SIGKILL");
  expect((await first.ended).exitCode).toBeNull();
  onSend = () => undefined;
  const chain = createToncenter({ endpoint: doorUrl, apiKey: KEY, fetch: systemFetch });
  const { addressBook, letters } = planDeployment(parseGenesisFile(genesis));
  const quorum = Address.parseRaw(String(addressBook["quorum"]));
  while (!(await chain.account(quorum)).isActive) await systemClock.sleep(50);

  const second = await pingo(["chain", "deploy", "--genesis", path, "--json"], env());
  expect(second.stderr).toBe("");
  const deployed = zDeployed.parse(JSON.parse(second.stdout));
  expect(deployed.sent).toBeGreaterThan(0);
  expect(deployed.sent).toBeLessThan(letters.length);
  expect(deployed.addresses).toEqual(addressBook);
  const minter = new PingoMinter(Address.parseRaw(deployer));
  expect(await chain.open(minter).getTotalSupplyNano()).toBe(PINGO_SUPPLY_NANO);
  for (const [name, raw] of Object.entries(addressBook)) {
    const { isActive, balanceNanogram } = await chain.account(Address.parseRaw(raw));
    expect(isActive, name).toBe(true);
    if (name !== "minter") expect(balanceNanogram, name).toBeLessThan(2n * STAND_NANOGRAM);
  }
  const book = zAddressBookFile.parse(
    JSON.parse(await readFile(joinPath(home, "address-book.json"), "utf8")),
  );
  expect(book).toMatchObject({ network: -3, addresses: addressBook });

  const third = await pingo(["chain", "deploy", "--genesis", path, "--json"], env());
  expect(zDeployed.parse(JSON.parse(third.stdout)).sent).toBe(0);
  const other = await genesisFile("other.json", genesisOf());
  const onto = await pingo(["chain", "deploy", "--genesis", other], env());
  expectRefused(onto, "BOOK_OF_ANOTHER_GENESIS", ["address-book.json", "--out"]);
});

test("bad input gets a sentence, and nothing is sent", async () => {
  onSend = () => {
    throw new Error("something was sent");
  };
  const out = ["--out", joinPath(home, "never.json")];
  const deploy = async (genesis: unknown, more: Readonly<Record<string, string>> = {}) => {
    const path = await genesisFile("bad.json", genesis);
    return pingo(["chain", "deploy", "--genesis", path, ...out], env(more));
  };
  expectRefused(await deploy("{"), "GENESIS_FILE_SYNTAX", ["bad.json:1:"]);
  expectRefused(await deploy({}), "GENESIS_KEY_MISSING", ["network"]);
  expectRefused(await deploy(genesisOf({ guardian: "me" })), "GENESIS_VALUE_INVALID", [
    '"guardian": "me" is no address of the basechain',
  ]);
  const blank = await readFile(DEVNET_GENESIS_PATH, "utf8");
  expectRefused(await deploy(blank), "NO_FOG_KEY", ["pingo fog serve"]);
  expectRefused(await deploy(blank.replace("network: devnet", "network: testnet")), "GENESIS_VALUE_INVALID", [
    '"deployer": <deployer> is a blank',
  ]);
  expectRefused(await deploy(genesisOf({ network: "mainnet" })), "CHAIN_OF_ANOTHER_NETWORK", [
    "mainnet (-239)",
    "(-3)",
    "TON_ENDPOINT",
  ]);
  const elsewhere = `0:${"5".repeat(64)}`;
  expectRefused(await deploy(genesisOf({ deployer: elsewhere })), "NOT_THE_DEPLOYER", [elsewhere, deployer]);
  const nobody = `http://127.0.0.1:${await freePort()}/api/v2/jsonRPC`;
  expectRefused(await deploy(genesisOf(), { TON_ENDPOINT: nobody }), "CHAIN_UNREACHABLE", ["TON_ENDPOINT"]);
  expectRefused(await deploy(genesisOf(), { TON_ENDPOINT: "toncenter" }), "SETTING_INVALID", [
    "TON_ENDPOINT",
  ]);
  expectRefused(await deploy(genesisOf(), { TON_API_KEY: "another" }), "CHAIN_KEY_REFUSED", ["TON_API_KEY"]);
  expectRefused(await deploy(genesisOf(), { TON_API_KEY: "" }), "CHAIN_KEY_REFUSED", ["asks for a key"]);
  expect(refusedKeys).toEqual(["another", undefined]);
  expectRefused(
    await deploy(genesisOf(), { PINGO_WALLET_PASSPHRASE: "another passphrase" }),
    "PASSPHRASE_WRONG",
    [],
  );
  expectRefused(
    await pingo(["chain", "deploy", "--genesis", joinPath(home, "none.json")], env()),
    "FILE_MISSING",
    ["none.json"],
  );
  expectRefused(await pingo(["chain", "deploy"], env()), "USAGE", ["--genesis"]);
});

test("node join makes a wallet's provider a member of the registry; its stake grows, leaves and comes home", async () => {
  onSend = () => undefined;
  const port = await freePort();
  const fogEnv = env({ PINGO_FOG: `http://127.0.0.1:${port}` });
  const fog = startPingo(["fog", "serve", "--port", String(port)], fogEnv);
  await fog.saw("fog node");
  const join = startPingo(["node", "join", "--yes", "--cores", "1", "--stake", "0"], fogEnv);
  await join.saw("registered: 1 core,");
  expect(join.stdout()).toContain(`they work for ${deployer}`);

  const chain = createToncenter({ endpoint: doorUrl, apiKey: KEY, fetch: systemFetch });
  const book = zAddressBookFile.parse(
    JSON.parse(await readFile(joinPath(home, "address-book.json"), "utf8")),
  );
  const wallet = parseWalletFile(
    JSON.parse(await readFile(joinPath(home, "wallet.json"), "utf8")),
    "the wallet",
  );
  const key = await keyOfWalletFile(wallet, PASSPHRASE);
  const sender = createWalletSender({ chain, key, network: -3, clock: systemClock });
  const team = Address.parseRaw(String(book.addresses["team-1"]));
  await sender.send([{ to: team, valueNanogram: 500_000_000n, body: encodeRelease() }]);
  const purse = new PingoWallet(sender.address, Address.parseRaw(String(book.addresses["minter"])));
  while ((await chain.open(purse).getBalanceNano()) === 0n) await systemClock.sleep(50);

  const staked = async (...words: readonly string[]) => {
    const ran = await pingo(["node", ...words, "--json"], fogEnv);
    expect(ran.stderr).toBe("");
    return JSON.parse(ran.stdout);
  };
  expect(await staked("register", "--stake", "5")).toMatchObject({
    owner: deployer,
    millicores: 1_000,
    stakedNano: "5000000000",
  });
  expectRefused(await pingo(["node", "unbond", "6"], fogEnv), "STAKE_LESS", ["5 PINGO", "6 PINGO"]);
  expect(await staked("unbond", "2")).toMatchObject({
    stakedNano: "3000000000",
    unbondingNano: "2000000000",
  });
  expectRefused(await pingo(["node", "collect"], fogEnv), "STILL_UNBONDING", ["unbonds until"]);
  const beforeNano = await chain.open(purse).getBalanceNano();
  const travel = ["devnet", "travel", "200h", "--port", String(devnetPort + 1)];
  expect((await pingo(travel, fogEnv)).exitCode).toBe(0);
  expect(await staked("collect")).toMatchObject({ stakedNano: "3000000000", unbondingNano: "0" });
  while ((await chain.open(purse).getBalanceNano()) < beforeNano + 2_000_000_000n)
    await systemClock.sleep(50);
  expectRefused(await pingo(["node", "collect"], fogEnv), "NOTHING_UNBONDS", ["pingo node unbond"]);

  // The fog node has a stake of its own, under its own key.
  expectRefused(await pingo(["fog", "unbond", "1"], fogEnv), "STAKE_NOT_OWNED", ["pingo fog register"]);
  const registered = await pingo(["fog", "register", "--stake", "7", "--json"], fogEnv);
  expect(registered.stderr).toBe("");
  expect(JSON.parse(registered.stdout)).toMatchObject({ owner: deployer, stakedNano: "7000000000" });
  const leaving = await pingo(["fog", "unbond", "2", "--json"], fogEnv);
  expect(JSON.parse(leaving.stdout)).toMatchObject({ stakedNano: "5000000000", unbondingNano: "2000000000" });
  expect(await staked("register", "--stake", "0")).toMatchObject({ stakedNano: "3000000000" });
  const much = await pingo(["node", "register", "--stake", "9999999999"], fogEnv);
  expectRefused(much, "STAKE_PINGO_MISSING", ["9999999999 PINGO"]);
  expectRefused(await pingo(["node", "unbond", "much"], fogEnv), "OPTION_INVALID", ["much"]);

  for (const running of [join, fog]) {
    running.child.kill("SIGINT");
    await running.ended;
  }
  expectRefused(await pingo(["node", "register"], fogEnv), "FOG_UNREACHABLE", []);
});

test("the devnet's file is deployed as it stands, and again by the same command", async () => {
  const other = await mkdtemp(joinPath(tmpdir(), "pingo-cli-genesis-"));
  await mkdir(joinPath(other, "fog"));
  await writeFile(joinPath(other, "fog", "key"), systemPrng.bytes(32));
  const elsewhere = { ...env(), PINGO_HOME: other };
  const made = await pingo(["wallet", "create", "--json"], elsewhere);
  const { raw } = z.object({ raw: z.string() }).parse(JSON.parse(made.stdout));
  expect((await pingo(["devnet", "faucet", raw, "3", "--port", String(devnetPort + 1)], env())).stderr).toBe(
    "",
  );
  const deploy = async (path: string) =>
    await pingo(["chain", "deploy", "--genesis", path, "--json"], elsewhere);
  const first = await deploy(DEVNET_GENESIS_PATH);
  expect(first.stderr).toBe("");
  const deployed = zDeployed.parse(JSON.parse(first.stdout));
  const kept = await readFile(joinPath(other, "address-book.genesis.yaml"), "utf8");
  expect(kept).toContain(`deployer: ${raw}`);
  const again = zDeployed.parse(JSON.parse((await deploy(DEVNET_GENESIS_PATH)).stdout));
  expect(again).toEqual({ ...deployed, sent: 0 });
  const changed = joinPath(other, "changed.yaml");
  const text = await readFile(DEVNET_GENESIS_PATH, "utf8");
  await writeFile(changed, text.replace("bondGram: 10", "bondGram: 11"));
  const onto = await pingo(["chain", "deploy", "--genesis", changed], elsewhere);
  expectRefused(onto, "BOOK_OF_ANOTHER_GENESIS", ["address-book.genesis.yaml", "--out"]);
  const ask = (...args: readonly string[]) => pingo(args, elsewhere);
  const tell = async (...args: readonly string[]) => {
    const ended = await ask(...args, "--json");
    expect([ended.stderr, ended.exitCode], ended.stdout).toEqual(["", 0]);
    return JSON.parse(ended.stdout);
  };
  const friend = Address.parseRaw(deployer).toString({ testOnly: true, bounceable: false });

  expectRefused(await ask("wallet", "send", "1", friend), "SEND_PINGO_MISSING", ["has 0 PINGO"]);
  expectRefused(await ask("chain", "airdrop", "--owner", friend), "NOT_IN_AIRDROP", [deployer]);
  expect(await tell("chain", "airdrop")).toEqual({ owner: raw, nano: String(100_000n * 10n ** 9n) });
  expectRefused(await ask("chain", "airdrop"), "AIRDROP_CLAIMED", [raw]);
  const roots = joinPath(other, "roots.json");
  await writeFile(roots, JSON.stringify(genesisOf()));
  expectRefused(await ask("chain", "airdrop", "--genesis", roots), "BOOK_OF_ANOTHER_GENESIS", ["roots.json"]);
  expectRefused(await ask("chain", "reclaim"), "AIRDROP_GOES_ON", ["the chain's clock"]);
  expectRefused(await ask("chain", "release", "team-1"), "NOTHING_VESTED", ["its next step"]);
  expectRefused(await ask("chain", "release", "compute"), "NO_SUCH_VAULT", ["investors-1, team-1"]);

  const sent = { to: deployer, amountNano: "2500000000" };
  expect(await tell("wallet", "send", "2.5", friend)).toEqual(sent);
  expect(await tell("wallet", "send", "2.5", friend)).toEqual(sent);
  const chain = createToncenter({ endpoint: doorUrl, apiKey: KEY, fetch: systemFetch });
  const minter = Address.parseRaw(String(deployed.addresses["minter"]));
  const theirs = new PingoWallet(Address.parseRaw(deployer), minter);
  expect(await chain.open(theirs).getBalanceNano()).toBe(5n * 10n ** 9n);
  for (const [amount, to] of [
    ["0", friend],
    ["all", friend],
    ["1", "a friend"],
  ] as const)
    expectRefused(await ask("wallet", "send", amount, to), "OPTION_INVALID", [amount === "1" ? to : amount]);

  // Tokens that came without a notice are booked once somebody has the vault told.
  const file = parseWalletFile(
    JSON.parse(await readFile(joinPath(other, "wallet.json"), "utf8")),
    "wallet.json",
  );
  const key = await keyOfWalletFile(file, PASSPHRASE);
  const sender = createWalletSender({ chain, key, network: -3, clock: systemClock });
  const compute = Address.parseRaw(String(deployed.addresses["compute"]));
  const gift = encodeTransfer({ amountNano: 7n, to: compute, excessesTo: sender.address });
  const purse = new PingoWallet(sender.address, minter).address;
  expectRefused(await ask("chain", "tell", "compute"), "NOTHING_UNTOLD", ["compute"]);
  await sender.send([{ to: purse, valueNanogram: STAND_NANOGRAM, body: gift }]);
  const vault = new PingoWallet(compute, minter);
  await expect.poll(() => chain.open(vault).getUntoldNano()).toBe(7n);
  expect(await tell("chain", "tell", "compute")).toEqual({ owner: compute.toRawString(), toldNano: "7" });
  expect(await chain.open(new DistributorAt(compute)).getReturnedNano()).toBe(7n);
  expectRefused(await ask("chain", "tell", "somewhere"), "OPTION_INVALID", ["somewhere"]);

  const travel = ["devnet", "travel", "9000h", "--port", String(devnetPort + 1)];
  expect((await pingo(travel, env())).stderr).toBe("");
  expect(await tell("chain", "reclaim")).toEqual({ reclaimedNano: String(9_900_000n * 10n ** 9n) });
  expectRefused(await ask("chain", "reclaim"), "AIRDROP_EMPTY", []);
  expectRefused(await ask("chain", "airdrop"), "AIRDROP_OVER", ["contributors"]);
  const { releasedNano } = await tell("chain", "release", "team-1");
  // 375 days of four years, by days.
  expect(BigInt(releasedNano)).toBe((40_000_000n * 10n ** 9n * 375n) / 1_460n);
  await rm(other, { recursive: true });
});

test("help has examples", async () => {
  for (const words of [
    ["chain", "deploy"],
    ["chain", "release"],
    ["chain", "airdrop"],
    ["chain", "reclaim"],
    ["chain", "tell"],
    ["wallet", "send"],
    ["membership", "lapse"],
    ["membership", "excess"],
    ["membership", "leave"],
    ["fog", "withdraw"],
    ["fog", "epoch", "drop"],
    ["job", "escrow", "pay"],
    ["node", "register"],
    ["node", "unbond"],
    ["node", "collect"],
  ])
    expect((await pingo([...words, "--help"])).stdout).toContain("Examples:");
});
