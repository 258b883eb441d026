/**
 * The genesis file: who holds what on the first day, and by which terms.
 *
 * ARCHITECTURE.md §3 fixes the parts; the file says to whom and when. Parsed once, where it enters.
 */
import { isSmallOrderKey, LIMITS, parseShape } from "@pingo/core";
import type { NetworkId } from "@pingo/ton";
import { Address } from "@ton/core";
import { z } from "zod";
import { PINGO_SUPPLY_NANO } from "../jetton/pingo-minter.ts";
import { QUORUM_KEYS_MAX } from "../quorum/quorum.ts";

/** Hundredths of the supply. */
export const PARTS = { compute: 40n, fog: 40n, investors: 15n, team: 4n, airdrop: 1n } as const;

/** Longer, and tokens could not stay locked until a proposal takes effect. SOURCE: governance-messages.tolk. */
const DECISION_SECONDS_MAX = 100 * 24 * 3600;
/** What the guardian may hold up: no deadline passes within it against somebody. SOURCE: pause.tolk. */
export const PAUSE_SECONDS_MAX = 7 * 24 * 3600;
/** A thousandth of the supply. SOURCE: registry.tolk. */
const STAKE_MIN_PINGO_MAX = 1_000_000;
const VAULTS_MAX = 28;
const UNIX_S_MAX = 2 ** 32 - 1;

const zAddress = z.string().transform((text, context) => {
  try {
    const address = Address.parse(text);
    if (address.workChain === 0) return address;
  } catch {
    // told below, as every text that is no address of ours
  }
  context.addIssue({
    code: "custom",
    message: `"${text.slice(0, LIMITS.nameCharsMax + 4)}" is no address of the basechain`,
  });
  return z.NEVER;
});

const zSeconds = z.int().min(1).max(UNIX_S_MAX);
const zMoment = z.int().min(0).max(UNIX_S_MAX);

const zKey = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "is not 64 hexadecimal digits of an ed25519 key")
  .transform((hex) => new Uint8Array(Buffer.from(hex, "hex")))
  .refine((key) => !isSmallOrderKey(key), "is a small-order key and proves nothing");

const zVault = z
  .strictObject({
    owner: zAddress,
    /** Of its part, in millionths. */
    millionths: z.int().min(1).max(1_000_000),
    startUnixS: zMoment,
    cliffSeconds: z.int().min(0).max(UNIX_S_MAX),
    durationSeconds: zSeconds,
    stepSeconds: zSeconds,
  })
  .refine((vault) => vault.cliffSeconds <= vault.durationSeconds, "the cliff is after the end");

const zVaults = z
  .array(zVault)
  .min(1)
  .max(VAULTS_MAX)
  .refine(
    (vaults) => vaults.reduce((sum, { millionths }) => sum + millionths, 0) === 1_000_000,
    "the millionths do not add up to 1,000,000",
  );

const zEmission = z.strictObject({
  startUnixS: zMoment,
  epochSeconds: zSeconds,
  epochsPerEra: z
    .int()
    .min(1)
    .max(2 ** 16 - 1),
  windowSeconds: zSeconds,
  resolveSeconds: zSeconds,
  bondGram: z.int().min(1).max(1_000_000),
});

const PINGO_MAX = 1_000_000_000;
const zPingo = z.int().min(0).max(PINGO_MAX);
const zStakeMin = z.int().min(0).max(STAKE_MIN_PINGO_MAX);

const zRegistry = z.strictObject({
  providerStakeMinPingo: zStakeMin,
  fogStakeMinPingo: zStakeMin,
  verdictMillionthsMax: z.int().min(0).max(1_000_000),
  unbondingSeconds: zSeconds,
});

const zGovernance = z.strictObject({
  voteSeconds: zSeconds,
  timelockSeconds: zSeconds,
  buildersMin: z
    .int()
    .min(1)
    .max(2 ** 32 - 1),
  usersMinPingo: zPingo,
});

const zGenesisFile = z
  .strictObject({
    /** Another network has another genesis: wallets have other addresses there. */
    network: z.enum(["mainnet", "testnet"]),
    deployer: zAddress,
    guardian: zAddress,
    quorum: z.strictObject({
      threshold: z.int().min(1),
      publicKeys: z.array(zKey).min(1).max(QUORUM_KEYS_MAX),
    }),
    emission: zEmission,
    registry: zRegistry,
    governance: zGovernance,
    airdrop: z.strictObject({
      root: z.string().regex(/^[0-9a-f]{64}$/, "is not 64 hexadecimal digits of a claim tree's root"),
      endsAtUnixS: zMoment,
    }),
    investors: zVaults,
    team: zVaults,
  })
  .refine(
    ({ quorum }) =>
      2 * quorum.threshold > quorum.publicKeys.length && quorum.threshold <= quorum.publicKeys.length,
    "the quorum's threshold is not more than half of its keys",
  )
  .refine(
    ({ quorum }) => new Set(quorum.publicKeys.map(String)).size === quorum.publicKeys.length,
    "a key of the quorum stands there twice: who holds it would sign for two",
  )
  .refine(
    ({ emission, governance }) =>
      emission.resolveSeconds > governance.voteSeconds + governance.timelockSeconds + PAUSE_SECONDS_MAX,
    "a challenged root falls before a vote with its timelock, and a pause of the guardian's, can decide on it: emission.resolveSeconds must be longer than all three, the pause with its 604,800",
  )
  .refine(
    ({ governance }) => governance.voteSeconds + governance.timelockSeconds <= DECISION_SECONDS_MAX,
    "tokens stay locked for 100 days at most, and a vote with its timelock lasts longer: shorten one of them",
  )
  .refine(
    ({ registry }) => registry.unbondingSeconds > PAUSE_SECONDS_MAX,
    "a stake could leave while the guardian holds up a verdict on it: registry.unbondingSeconds must be longer than 604,800, the longest pause",
  );

export type GenesisFile = z.infer<typeof zGenesisFile>;

/** @throws {ShapeError} that names what is wrong and where */
export function parseGenesisFile(value: unknown): GenesisFile {
  return parseShape(zGenesisFile, value, "the genesis file");
}

/** The devnet is a testnet. */
export function networkOfGenesis({ network }: GenesisFile): NetworkId {
  return network === "mainnet" ? -239 : -3;
}

export function partNano(part: keyof typeof PARTS): bigint {
  return (PINGO_SUPPLY_NANO * PARTS[part]) / 100n;
}
