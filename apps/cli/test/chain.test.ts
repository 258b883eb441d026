/** `pingo chain deploy` against a devnet behind a door that asks for a key, as toncenter's does. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  encodeRelease,
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
  expectRefused(await deploy("{"), "FILE_NOT_JSON", ["bad.json"]);
  expectRefused(await deploy({}), "SHAPE_INVALID", ["genesis file"]);
  expectRefused(await deploy(genesisOf({ guardian: "me" })), "SHAPE_INVALID", ["at guardian", "basechain"]);
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
  await join.saw("registered: 1 cores");
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

test("help has examples", async () => {
  for (const words of [
    ["chain", "deploy"],
    ["node", "register"],
    ["node", "unbond"],
    ["node", "collect"],
  ])
    expect((await pingo([...words, "--help"])).stdout).toContain("Examples:");
});
