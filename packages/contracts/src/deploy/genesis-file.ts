/**
 * The genesis file: who holds what on the first day, and by which terms.
 *
 * ARCHITECTURE.md §3 fixes the parts; the file says to whom and when. Parsed once, where it enters.
 */
import { FaultError, isSmallOrderKey, parseShape, publicKeyOfNodeId, zNodeId } from "@pingo/core";
import { readWritten, type WrittenFault, writtenSentences } from "@pingo/core/written";
import type { NetworkId } from "@pingo/ton";
import { Address } from "@ton/core";
import { z } from "zod";
import { ClaimTree } from "../claims/claim-tree.ts";
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
const AIRDROP_OWNERS_MAX = 1_000;
const UNIX_S_MAX = 2 ** 32 - 1;
const NANO_PER_PINGO = 1_000_000_000n;
const PINGO_MAX = 1_000_000_000;
const GENESIS_BYTES_MAX = 262_144;
/** Of an address, in a sentence. */
const SHOWN_CHARS = 68;

export class GenesisFileError extends FaultError<WrittenFault<"GENESIS">> {
  override readonly name = "GenesisFileError";
  constructor(fault: WrittenFault<"GENESIS">, options?: ErrorOptions) {
    super(fault, writtenSentences("GENESIS"), options);
  }
}

const NETWORKS = ["mainnet", "testnet", "devnet"] as const;
type Network = (typeof NETWORKS)[number];

/** What whoever fills an example in has to write there: <THE GUARDIAN>. */
const BLANK = /^<.*>$/s;

const zText = z.string().refine((text) => !BLANK.test(text), {
  error: ({ input }) => `${String(input).slice(0, SHOWN_CHARS)} is a blank; write there what it asks for`,
  abort: true,
});

/** Friendly forms say for which network they are; wallets have other addresses on another one. */
function addressOn(network: Network) {
  return zText.transform((text, context) => {
    try {
      const address = Address.parse(text);
      const isTest = text.includes(":") ? network !== "mainnet" : Address.parseFriendly(text).isTestOnly;
      if (isTest !== (network !== "mainnet")) return refused(context, text, FORMS[network]);
      if (address.workChain === 0) return address;
    } catch {
      // told below, as every text that is no address of ours
    }
    return refused(context, text, "is no address of the basechain");
  });
}

const FORMS: { readonly [N in Network]: string } = {
  mainnet:
    "is an address on testnet, and this file is for mainnet, where its wallet is another; write one that begins with UQ, EQ or 0:",
  testnet:
    "is an address on mainnet, and this file is for testnet, where its wallet is another; write one that begins with 0Q, kQ or 0:",
  devnet:
    "is an address on mainnet, and this file is for a devnet, where its wallet is another; write one that begins with 0Q, kQ or 0:",
};

function refused(context: z.core.$RefinementCtx, text: string, why: string): never {
  context.addIssue({ code: "custom", message: `"${text.slice(0, SHOWN_CHARS)}" ${why}` });
  return z.NEVER;
}

const zSeconds = z.int().min(1).max(UNIX_S_MAX);
const zMoment = z.int().min(0).max(UNIX_S_MAX);

/** As hexadecimal digits, or as the id of the fog node whose key it is. */
const zKey = zText
  .transform((text, context) => {
    if (/^[0-9a-f]{64}$/.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
    const id = zNodeId.safeParse(text);
    if (id.success) return publicKeyOfNodeId(id.data);
    return refused(context, text, "is neither a fog node's id nor 64 hexadecimal digits of an ed25519 key");
  })
  .refine((key) => !isSmallOrderKey(key), "is a small-order key and proves nothing");

const vaultOn = (network: Network) =>
  z
    .strictObject({
      owner: addressOn(network),
      /** Of its part, in millionths. */
      millionths: z.int().min(1).max(1_000_000),
      startUnixS: zMoment,
      cliffSeconds: z.int().min(0).max(UNIX_S_MAX),
      durationSeconds: zSeconds,
      stepSeconds: zSeconds,
    })
    .refine((vault) => vault.cliffSeconds <= vault.durationSeconds, "the cliff is after the end");

const vaultsOn = (network: Network) =>
  z
    .array(vaultOn(network))
    .min(1)
    .max(VAULTS_MAX)
    .refine(
      (vaults) => vaults.reduce((sum, { millionths }) => sum + millionths, 0) === 1_000_000,
      "the millionths do not add up to 1,000,000",
    );

const airdropOn = (network: Network) =>
  z
    .strictObject({
      /** Of a claim tree that is published elsewhere, where it is too long for this file. */
      root: zText.regex(/^[0-9a-f]{64}$/, "is not 64 hexadecimal digits of a claim tree's root").optional(),
      owners: z
        .array(z.strictObject({ owner: addressOn(network), pingo: z.int().min(1).max(PINGO_MAX) }))
        .min(1)
        .max(AIRDROP_OWNERS_MAX)
        .optional(),
      endsAtUnixS: zMoment,
    })
    .refine(
      ({ root, owners }) => (root === undefined) !== (owners === undefined),
      "name either the root or the owners",
    )
    .refine(
      ({ owners = [] }) => new Set(owners.map(({ owner }) => owner.toRawString())).size === owners.length,
      "an owner stands there twice; add the amounts up",
    )
    .refine(
      ({ owners = [] }) =>
        owners.reduce((sum, { pingo }) => sum + BigInt(pingo), 0n) * NANO_PER_PINGO <= partNano("airdrop"),
      "the owners are given more than the airdrop's part, 1 % of the supply",
    )
    .transform(({ root, owners, endsAtUnixS }) => {
      const given = owners?.map(({ owner, pingo }) => ({
        owner,
        amountNano: BigInt(pingo) * NANO_PER_PINGO,
      }));
      return {
        root: root === undefined ? treeOfAirdrop(given ?? []).root : BigInt(`0x${root}`),
        owners: given ?? null,
        endsAtUnixS,
      };
    });

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

const genesisOn = (network: Network) =>
  z
    .strictObject({
      /** Another network has another genesis: wallets have other addresses there. */
      network: z.enum(NETWORKS),
      deployer: addressOn(network),
      guardian: addressOn(network),
      quorum: z.strictObject({
        threshold: z.int().min(1),
        publicKeys: z.array(zKey).min(1).max(QUORUM_KEYS_MAX),
      }),
      emission: zEmission,
      registry: zRegistry,
      governance: zGovernance,
      airdrop: airdropOn(network),
      investors: vaultsOn(network),
      team: vaultsOn(network),
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
    )
    .refine((file) => {
      const vaults = [...vaultsOf(file, "investors"), ...vaultsOf(file, "team")].map(nameOfVault);
      return new Set(vaults).size === vaults.length;
    }, "two vaults are the same: one owner, one amount, one schedule, and so one address; write them as one, or let them differ");

const SCHEMAS = {
  mainnet: genesisOn("mainnet"),
  testnet: genesisOn("testnet"),
  devnet: genesisOn("devnet"),
} as const;

export type GenesisFile = z.infer<(typeof SCHEMAS)[Network]>;

export interface VaultTerms {
  readonly owner: Address;
  readonly totalNano: bigint;
  readonly startUnixS: number;
  readonly cliffSeconds: number;
  readonly durationSeconds: number;
  readonly stepSeconds: number;
}

/** What the file says, as data: its digest is the same whatever its spelling. */
export interface WrittenGenesis {
  readonly genesis: GenesisFile;
  readonly value: unknown;
}

/** @throws {ShapeError} that names what is wrong and where */
export function parseGenesisFile(value: unknown): GenesisFile {
  return parseShape(schemaOf(value), value, "the genesis file");
}

/**
 * @param file the name that problems are reported under
 * @throws {GenesisFileError} the first problem, with its line
 */
export function readGenesisFile(text: string, file: string): WrittenGenesis {
  const kind = { prefix: "GENESIS", bytesMax: GENESIS_BYTES_MAX, what: "a genesis file" } as const;
  const plain = readWritten(text, file, { ...kind, schema: z.unknown() });
  const read = plain.written ? readWritten(text, file, { ...kind, schema: schemaOf(plain.value) }) : plain;
  const [problem] = read.problems;
  if (problem) throw new GenesisFileError(problem);
  return { genesis: parseGenesisFile(plain.value), value: plain.value };
}

/** Of whom an airdrop gives how much, where the file lists them. */
export function treeOfAirdrop(
  owners: readonly { readonly owner: Address; readonly amountNano: bigint }[],
): ClaimTree {
  return new ClaimTree(
    owners.map(({ owner, amountNano }) => ({ owner: owner.hash, cumulativeNano: amountNano })),
  );
}

/** In the order of the file. */
export function vaultsOf(
  file: {
    readonly [part in "investors" | "team"]: readonly (Omit<VaultTerms, "totalNano"> & {
      readonly millionths: number;
    })[];
  },
  part: "investors" | "team",
): readonly VaultTerms[] {
  let leftNano = partNano(part);
  return file[part].map(({ millionths, ...line }, at) => {
    // The last takes what rounding left, so that the part is whole.
    const isLast = at === file[part].length - 1;
    const totalNano = isLast ? leftNano : (partNano(part) * BigInt(millionths)) / 1_000_000n;
    leftNano -= totalNano;
    return { ...line, totalNano };
  });
}

/** Two with one name would be one contract. */
function nameOfVault({ owner, ...line }: VaultTerms): string {
  return [owner.toRawString(), ...Object.values(line).map(String)].join();
}

function schemaOf(value: unknown) {
  const written: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, "network") : undefined;
  return SCHEMAS[NETWORKS.find((network) => network === written) ?? "testnet"];
}

/** The devnet is a testnet. */
export function networkOfGenesis({ network }: GenesisFile): NetworkId {
  return network === "mainnet" ? -239 : -3;
}

export function partNano(part: keyof typeof PARTS): bigint {
  return (PINGO_SUPPLY_NANO * PARTS[part]) / 100n;
}
