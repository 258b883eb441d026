/** Every genesis file of the tree: what stands in it is all of the supply, by its parts, and what is wrong in one is told with its line. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { keyPairOfSeed } from "@pingo/core";
import { Dictionary } from "@ton/core";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { DEVNET_GENESIS_PATH, fillGenesis, hasBlanks, isFilledFrom } from "../src/deploy/fill-genesis.ts";
import { GenesisFileError, readGenesisFile } from "../src/deploy/genesis-file.ts";
import { planDeployment } from "../src/deploy/plan.ts";
import { PINGO_SUPPLY_NANO } from "../src/jetton/pingo-minter.ts";
import { addressOf } from "../src/testing/index.ts";

const FOLDER = fileURLToPath(new URL("../genesis/", import.meta.url));
const NOW_UNIX_S = 1_790_000_000;
const DAY_S = 86_400;
const PERCENT_NANO = PINGO_SUPPLY_NANO / 100n;
const BLANKS = {
  deployer: addressOf("deployer").toRawString(),
  founder: addressOf("founder").toRawString(),
  fogKey: keyOf(1),
  nowUnixS: NOW_UNIX_S,
};
const textByName = new Map<string, string>();

beforeAll(async () => {
  for (const name of await readdir(FOLDER)) textByName.set(name, await readFile(`${FOLDER}${name}`, "utf8"));
});

function keyOf(seed: number): string {
  return Buffer.from(keyPairOfSeed(new Uint8Array(32).fill(seed)).publicKey).toString("hex");
}

function textOf(name: string): string {
  const text = textByName.get(name);
  if (text === undefined) throw new Error(`there is no ${name}`);
  return text;
}

/** As the one who deploys would: each blank by what it asks for. */
function byHand(text: string): string {
  let keys = 0;
  return text.replaceAll(/^(?!\s*#)(.*)(<[^>]+>)$/gm, (_, before: string, blank: string) => {
    if (/KEY>$/.test(blank)) return `${before}${keyOf(++keys)}`;
    if (/^<WHEN/.test(blank)) return `${before}${NOW_UNIX_S + DAY_S}`;
    return `${before}"${addressOf(blank).toRawString()}"`;
  });
}

function filled(name: string): string {
  return name === "devnet.yaml" ? fillGenesis(textOf(name), BLANKS) : byHand(textOf(name));
}

/** What genesis writes, by the names of the address book. */
function allocationsOf(text: string): ReadonlyMap<string, bigint> {
  const { letters, addressBook } = planDeployment(readGenesisFile(text, "genesis.yaml").genesis);
  const body = letters
    .at(-1)
    ?.body?.beginParse()
    .skip(32 + 64);
  const amounts = body?.loadDict(Dictionary.Keys.Address(), Dictionary.Values.BigVarUint(4));
  const named = new Map(Object.entries(addressBook).map(([name, raw]) => [raw, name]));
  return new Map([...(amounts ?? [])].map(([owner, nano]) => [named.get(owner.toRawString()) ?? "?", nano]));
}

function faultOf(text: string): GenesisFileError["fault"] & { readonly message: string } {
  try {
    readGenesisFile(text, "genesis.yaml");
  } catch (error) {
    if (error instanceof GenesisFileError) return { ...error.fault, message: error.message };
    throw error;
  }
  throw new Error("it was not refused");
}

test("every file of the tree holds the whole supply, by the parts of ARCHITECTURE.md", () => {
  expect([...textByName.keys()].sort()).toEqual([
    "devnet.yaml",
    "mainnet.example.yaml",
    "testnet.example.yaml",
  ]);
  for (const name of textByName.keys()) {
    const allocations = allocationsOf(filled(name));
    const sum = (prefix: string): bigint =>
      [...allocations].reduce((total, [key, nano]) => total + (key.startsWith(prefix) ? nano : 0n), 0n);
    expect([...allocations.keys()], name).not.toContain("?");
    expect(sum(""), name).toBe(PINGO_SUPPLY_NANO);
    expect([sum("compute"), sum("fog")], name).toEqual([40n * PERCENT_NANO, 40n * PERCENT_NANO]);
    expect([sum("investors-"), sum("team-"), sum("airdrop")], name).toEqual([
      15n * PERCENT_NANO,
      4n * PERCENT_NANO,
      PERCENT_NANO,
    ]);
  }
});

test("an example is refused as it stands, whichever of its blanks is left", () => {
  for (const name of ["mainnet.example.yaml", "testnet.example.yaml"]) {
    expect(hasBlanks(textOf(name))).toBe(false); // no machine fills it in
    expect(faultOf(textOf(name))).toMatchObject({
      code: "GENESIS_VALUE_INVALID",
      message: expect.stringMatching(
        /^genesis\.yaml:\d+:\d+: "deployer": <THE DEPLOYER'S WALLET> is a blank/,
      ),
    });
    const lines = textOf(name).split("\n");
    const done = filled(name).split("\n");
    for (const [at, line] of lines.entries()) {
      if (line === done[at]) continue;
      expect(faultOf(done.with(at, line).join("\n")), line).toMatchObject({
        code: "GENESIS_VALUE_INVALID",
        line: at + 1,
        message: expect.stringContaining("<"),
      });
    }
  }
});

test("the devnet's file is filled in by a machine, and known again; a blank that none fills is refused", async () => {
  const blank = await readFile(DEVNET_GENESIS_PATH, "utf8");
  expect(hasBlanks(blank)).toBe(true);
  const text = fillGenesis(blank, BLANKS);
  expect(hasBlanks(text)).toBe(false);
  expect(isFilledFrom(text, blank)).toBe(true);
  expect(isFilledFrom(fillGenesis(blank, { ...BLANKS, nowUnixS: 1 }), blank)).toBe(true);
  expect(isFilledFrom(text.replace("bondGram: 10", "bondGram: 11"), blank)).toBe(false);
  expect(isFilledFrom(blank, blank)).toBe(false);
  const { genesis } = readGenesisFile(text, "devnet.yaml");
  expect(genesis.airdrop.endsAtUnixS).toBe(NOW_UNIX_S + 365 * DAY_S);
  const owners = genesis.airdrop.owners?.map(({ owner, amountNano }) => [owner.toRawString(), amountNano]);
  expect(owners).toEqual([[BLANKS.founder, 100_000n * 1_000_000_000n]]);
  expect(
    faultOf(fillGenesis(blank.replace("owner: <founder>", "owner: <someone>"), BLANKS)).message,
  ).toContain('"airdrop.owners.0.owner": <someone> is a blank');
});

test("whatever shares vaults have: together the part, or refused", () => {
  const text = filled("mainnet.example.yaml");
  const withShares = (shares: readonly number[]): string => {
    const vaults = shares.map((millionths, at) => ({
      owner: addressOf(`holder ${at}`).toRawString(),
      ...{ millionths, startUnixS: 1, cliffSeconds: 1, durationSeconds: 2, stepSeconds: 1 },
    }));
    return text.replace(/^investors:\n[\s\S]*(?=^team:)/m, `investors: ${JSON.stringify(vaults)}\n`);
  };
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 999_999 }), { maxLength: 12 }),
      fc.constantFrom(-1, 0, 1),
      (cuts, off) => {
        const ends = [...cuts.sort((a, b) => a - b), 1_000_000];
        const shares = ends.map((end, at) => end - (ends[at - 1] ?? 0));
        const [first = 0, ...others] = shares;
        fc.pre(first + off > 0 && first + off <= 1_000_000);
        const changed = withShares([first + off, ...others]);
        if (off !== 0) {
          expect(faultOf(changed).message).toContain("do not add up to 1,000,000");
          return;
        }
        const nano = [...allocationsOf(changed)].filter(([name]) => name.startsWith("investors-"));
        expect(nano.reduce((sum, [, amount]) => sum + amount, 0n)).toBe(15n * PERCENT_NANO);
      },
    ),
    { numRuns: 40 },
  );
});

test("each way in which a file is wrong is a code and a sentence with its line", () => {
  const good = filled("mainnet.example.yaml");
  const raw = addressOf("somebody");
  const tests = raw.toString({ testOnly: true, bounceable: false });
  const main = raw.toString({ testOnly: false, bounceable: false });
  const deployer = /^deployer: .*$/m;
  const second = /^ {2}- owner: .*\n {4}millionths: 400000/m;
  const cases: readonly (readonly [string, string, string])[] = [
    [good.replace("millionths: 400000", "millionths: 400001"), "VALUE_INVALID", "do not add up to 1,000,000"],
    [`${good}\nmore: 1\n`, "KEY_UNKNOWN", 'unknown key "more"'],
    [good.replace("bondGram:", "bondGrams:"), "KEY_UNKNOWN", 'did you mean "bondGram"?'],
    [good.replace(/^guardian: .*$/m, ""), "KEY_MISSING", '"guardian" is missing'],
    [good.replace(deployer, `deployer: ${tests}`), "VALUE_INVALID", "is an address on testnet"],
    [
      filled("testnet.example.yaml").replace(deployer, `deployer: ${main}`),
      "VALUE_INVALID",
      "is an address on mainnet",
    ],
    [
      filled("devnet.yaml").replace(deployer, `deployer: ${main}`),
      "VALUE_INVALID",
      "this file is for a devnet",
    ],
    [
      good.replace(deployer, `deployer: -1:${"5".repeat(64)}`),
      "VALUE_INVALID",
      "no address of the basechain",
    ],
    [good.replace(deployer, "deployer: somebody"), "VALUE_INVALID", '"somebody" is no address'],
    [`${good}\nnetwork: mainnet\n`, "FILE_SYNTAX", "unique"],
    [good.replace(keyOf(2), keyOf(1)), "VALUE_INVALID", "stands there twice"],
    [good.replace(keyOf(2), "12D3KooW"), "VALUE_INVALID", "neither a fog node's id nor"],
    [
      good
        .replace(second, (line) =>
          line.replace(/0:[0-9a-f]+/, "").replace(/""/, JSON.stringify(ownerOf(good))),
        )
        .replaceAll(/millionths: [46]00000/g, "millionths: 500000"),
      "VALUE_INVALID",
      "two vaults are the same",
    ],
    [good.replace("pingo: 10000", "pingo: 10000000"), "VALUE_INVALID", "more than the airdrop's part"],
    [
      good.replace(/^(?= {2}owners:)/m, `  root: ${"ab".repeat(32)}\n`),
      "VALUE_INVALID",
      "either the root or the owners",
    ],
    [good.replace("network: mainnet", "network: moonnet"), "VALUE_INVALID", '"moonnet" is not known'],
    [good.replace("network: mainnet", "network: &a mainnet\nmore: *a"), "FILE_SYNTAX", "anchors and aliases"],
    ["", "VALUE_INVALID", "found nothing"],
    ["#".repeat(300_000), "FILE_TOO_LARGE", "300000 bytes"],
  ];
  for (const [text, code, sentence] of cases) {
    const fault = faultOf(text);
    expect(fault.message).toContain(sentence);
    expect(fault.code).toBe(`GENESIS_${code}`);
  }
  const { nodeId, publicKey } = keyPairOfSeed(new Uint8Array(32).fill(2));
  const { quorum } = readGenesisFile(good.replace(keyOf(2), nodeId), "g").genesis;
  expect(quorum.publicKeys[1]).toEqual(publicKey);
  // Both forms of an address of the network, and its raw one, are the same deployment.
  for (const form of [main, raw.toString({ bounceable: true }), raw.toRawString()])
    expect(
      readGenesisFile(good.replace(deployer, `deployer: ${form}`), "g").genesis.deployer.equals(raw),
    ).toBe(true);
});

/** Of the first vault. */
function ownerOf(text: string): string {
  const [, owner = ""] = /^investors:\n {2}- owner: "(.*)"/m.exec(text) ?? [];
  return owner;
}
