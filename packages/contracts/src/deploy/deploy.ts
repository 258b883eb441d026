/**
 * Brings a genesis file onto a chain.
 *
 * What stands is not sent again: a deployment that was cut off at any point goes on where it was, by what the chain says. Contracts first; genesis, which
 * writes the supply, when all of them stand.
 */
import { type Clock, encodeCanonical, sha256 } from "@pingo/core";
import { type NetworkId, type Toncenter, ToncenterError, type WalletSender } from "@pingo/ton";
import { GovernanceAt } from "../governance/governance.ts";
import { PingoMinter } from "../jetton/pingo-minter.ts";
import { DeployError } from "./deploy-error.ts";
import { type GenesisFile, networkOfGenesis } from "./genesis-file.ts";
import { type AddressBook, type Letter, planDeployment } from "./plan.ts";

export interface DeployOptions {
  readonly genesis: GenesisFile;
  readonly chain: Toncenter;
  /** The deployer's. */
  readonly sender: WalletSender;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** So many of the contracts stand. */
  readonly onProgress?: (standing: number, of: number) => void;
}

export interface Deployed {
  readonly network: NetworkId;
  readonly addressBook: AddressBook;
  /** Contracts that this run brought there; 0: all of it stood already. */
  readonly sent: number;
}

/** For the gas of a letter, of which most comes back. */
const GAS_NANOGRAM = 10_000_000n;
const LOOK_EVERY_MS = 400;
const LOOKS_MAX = 300;

/** @throws {DeployError}; {ToncenterError} where the chain does not answer, or does not show what was sent */
export async function deployContracts(options: DeployOptions): Promise<Deployed> {
  const { genesis, chain, sender, signal, onProgress } = options;
  const network = networkOfGenesis(genesis);
  const found = await chain.networkId(signal);
  if (found !== network)
    throw new DeployError({
      code: "CHAIN_OF_ANOTHER_NETWORK",
      ...{ endpoint: chain.host, found, expected: network },
    });
  if (!sender.address.equals(genesis.deployer))
    throw new DeployError({
      code: "NOT_THE_DEPLOYER",
      address: sender.address.toRawString(),
      deployer: genesis.deployer.toRawString(),
    });
  const { letters, addressBook } = planDeployment(genesis);
  const [first, last] = [letters.slice(0, -1), letters.slice(-1)];
  const missing = async (): Promise<readonly Letter[]> => [
    ...(await notStanding(options, first)),
    ...((await isGenesisDone(options)) ? [] : last),
  ];
  const before = await missing();
  await assertFunds(options, before);
  const tell = (left: readonly Letter[]): void => onProgress?.(letters.length - left.length, letters.length);
  tell(before);
  if (before.some((letter) => first.includes(letter))) {
    await sender.sendChosen(() => notStanding(options, first));
    await until(options, "a contract", async () => {
      const left = await notStanding(options, first);
      tell([...left, ...last]);
      return left.length === 0;
    });
  }
  if (before.length > 0) {
    await sender.sendChosen(async () => ((await isGenesisDone(options)) ? [] : last));
    await until(options, "genesis", () => isGenesisDone(options));
    tell([]);
  }
  return { network, addressBook, sent: before.length };
}

/** Of the file as it is read: the same whatever its spelling. */
export function digestOfGenesis(value: unknown): string {
  return Buffer.from(sha256(encodeCanonical(value))).toString("hex");
}

async function notStanding(
  { chain, signal }: DeployOptions,
  letters: readonly Letter[],
): Promise<readonly Letter[]> {
  const missing: Letter[] = [];
  // One after the other: without a key a toncenter answers once a second.
  for (const letter of letters) {
    const { isActive } = await chain.account(letter.to, signal);
    if (!isActive || !(await isSetUp(chain, letter))) missing.push(letter);
  }
  return missing;
}

/** Only governance is told something: anyone can deploy it as it begins, the deployer alone says over whom it governs. */
async function isSetUp(chain: Toncenter, { to, body }: Letter): Promise<boolean> {
  return body === undefined || (await chain.open(new GovernanceAt(to)).getView()).isEstablished;
}

/** The minter stands, nothing more can be minted, and every vault took its part. */
async function isGenesisDone({ chain, genesis, signal }: DeployOptions): Promise<boolean> {
  const minter = new PingoMinter(genesis.deployer);
  if (!(await chain.account(minter.address, signal)).isActive) return false;
  const opened = chain.open(minter);
  return !(await opened.getIsMintable()) && (await opened.getUndeliveredNanoByWallet()).size === 0;
}

async function assertFunds({ chain, sender, signal }: DeployOptions, letters: readonly Letter[]) {
  if (letters.length === 0) return;
  const neededNanogram = letters.reduce(
    (sum, { valueNanogram }) => sum + valueNanogram + GAS_NANOGRAM,
    GAS_NANOGRAM,
  );
  const { balanceNanogram: foundNanogram } = await chain.account(sender.address, signal);
  if (foundNanogram >= neededNanogram) return;
  const address = sender.address.toString({ bounceable: false });
  throw new DeployError({ code: "DEPLOYER_NEEDS_GRAM", address, neededNanogram, foundNanogram });
}

async function until(
  { clock, signal }: DeployOptions,
  what: string,
  isThere: () => Promise<boolean>,
): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (await isThere()) return;
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what, seconds: (LOOKS_MAX * LOOK_EVERY_MS) / 1000 });
}
