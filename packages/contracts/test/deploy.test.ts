import { keyPairOfSeed } from "@pingo/core";
import { Address } from "@ton/core";
import { expect, test } from "vitest";
import { parseGenesisFile } from "../src/deploy/genesis-file.ts";
import { planDeployment } from "../src/deploy/plan.ts";
import { GovernanceAt } from "../src/governance/governance.ts";
import { PINGO_SUPPLY_NANO, PingoMinter } from "../src/jetton/pingo-minter.ts";
import { PingoWallet } from "../src/jetton/pingo-wallet.ts";
import { RegistryAt } from "../src/registry/registry.ts";
import { addressOf, START_UNIX_S, TestChain } from "../src/testing/index.ts";

const YEAR_SECONDS = 365 * 24 * 3600;
const vault = (owner: string, millionths: number) => ({
  owner: addressOf(owner).toRawString(),
  millionths,
  startUnixS: START_UNIX_S,
  cliffSeconds: YEAR_SECONDS,
  durationSeconds: 4 * YEAR_SECONDS,
  stepSeconds: 24 * 3600,
});
const GENESIS = {
  network: "testnet",
  deployer: addressOf("deployer").toRawString(),
  guardian: addressOf("guardian").toRawString(),
  quorum: {
    threshold: 2,
    publicKeys: [1, 2, 3].map((n) =>
      Buffer.from(keyPairOfSeed(new Uint8Array(32).fill(n)).publicKey).toString("hex"),
    ),
  },
  emission: {
    startUnixS: START_UNIX_S,
    epochSeconds: 604_800,
    epochsPerEra: 52,
    windowSeconds: 86_400,
    resolveSeconds: 864_000,
    bondGram: 10,
  },
  registry: {
    providerStakeMinPingo: 100,
    fogStakeMinPingo: 10_000,
    verdictMillionthsMax: 100_000,
    unbondingSeconds: 1_209_600,
  },
  governance: { voteSeconds: 172_800, timelockSeconds: 43_200, buildersMin: 3, usersMinPingo: 1_000_000 },
  airdrop: { root: "ab".repeat(32), endsAtUnixS: START_UNIX_S + YEAR_SECONDS },
  investors: [vault("investor one", 333_333), vault("investor two", 666_667)],
  team: [vault("team", 1_000_000)],
};

test("one plan deploys everything, and the supply lies where the file says", async () => {
  const genesis = parseGenesisFile(GENESIS);
  const { letters, addressBook } = planDeployment(genesis);
  const chain = await TestChain.start();
  for (const { to, valueNanogram, init, body } of letters) {
    const steps = await chain.send({ from: genesis.deployer, to, valueNanogram, init, body });
    expect(steps.some((step) => step.isAborted && step.exitCode !== null)).toBe(false);
  }
  const minter = new PingoMinter(genesis.deployer);
  const heldNano: Record<string, bigint> = {};
  for (const [name, raw] of Object.entries(addressBook)) {
    const address = Address.parseRaw(raw);
    expect(await chain.dataOf(address), name).not.toBeNull();
    heldNano[name] = await chain.open(new PingoWallet(address, minter.address)).getBalanceNano();
  }
  const percent = PINGO_SUPPLY_NANO / 100n;
  const firstNano = (15n * percent * 333_333n) / 1_000_000n;
  expect(heldNano).toEqual({
    minter: 0n,
    governance: 0n,
    quorum: 0n,
    certificates: 0n,
    registry: 0n,
    compute: 40n * percent,
    fog: 40n * percent,
    "investors-1": firstNano,
    "investors-2": 15n * percent - firstNano,
    "team-1": 4n * percent,
    airdrop: percent,
  });
  expect(await chain.open(minter).getIsMintable()).toBe(false);
  const at = (name: string) => Address.parseRaw(addressBook[name] ?? "");
  const governance = await chain.open(new GovernanceAt(at("governance"))).getView();
  expect(governance).toMatchObject({
    isEstablished: true,
    proposals: 0,
    bounds: { voteSecondsMin: 172_800, timelockSecondsMin: 43_200, decisionSecondsMax: 259_199 },
  });
  const registry = await chain.open(new RegistryAt(at("registry"))).getView();
  expect(registry.authorities.governor.equals(at("governance"))).toBe(true);
});

test("a genesis file that is wrong is refused, and says where", () => {
  const weak = { threshold: 1, publicKeys: ["00".repeat(32)] };
  for (const [changed, sentence] of [
    [{ network: "moonnet" }, /at network/],
    [{ deployer: "somewhere" }, /at deployer: "somewhere" is no address of the basechain/],
    [{ guardian: `-1:${"ab".repeat(32)}` }, /at guardian: .* is no address of the basechain/],
    [
      { governance: { ...GENESIS.governance, voteSeconds: 259_200 } },
      /emission.resolveSeconds must be longer/,
    ],
    [
      {
        governance: { ...GENESIS.governance, voteSeconds: 100 * 86_400 },
        emission: { ...GENESIS.emission, resolveSeconds: 200 * 86_400 },
      },
      /tokens stay locked for 100 days at most/,
    ],
    [
      { registry: { ...GENESIS.registry, unbondingSeconds: 604_800 } },
      /a stake could leave while the guardian/,
    ],
    [{ registry: { ...GENESIS.registry, fogStakeMinPingo: 1_000_001 } }, /at registry.fogStakeMinPingo/],
    [
      {
        quorum: {
          threshold: 2,
          publicKeys: GENESIS.quorum.publicKeys.slice(0, 2).fill(GENESIS.quorum.publicKeys[0] ?? ""),
        },
      },
      /a key of the quorum stands there twice/,
    ],
    [{ quorum: { ...GENESIS.quorum, threshold: 1 } }, /threshold is not more than half/],
    [{ quorum: { ...GENESIS.quorum, threshold: 4 } }, /threshold is not more than half/],
    [{ quorum: weak }, /at quorum\.publicKeys\.0: is a small-order key/],
    [{ team: [vault("team", 999_999)] }, /at team: the millionths do not add up to 1,000,000/],
    [
      { team: [{ ...vault("team", 1_000_000), cliffSeconds: 5 * YEAR_SECONDS }] },
      /the cliff is after the end/,
    ],
    [{ airdrop: { ...GENESIS.airdrop, root: "12" } }, /at airdrop\.root: is not 64 hexadecimal digits/],
    [{ emission: { ...GENESIS.emission, epochSeconds: 0 } }, /at emission\.epochSeconds/],
    [{ more: 1 }, /Unrecognized key/],
  ] as const) {
    expect(() => parseGenesisFile({ ...GENESIS, ...changed })).toThrow(sentence);
  }
});
