/** Why a deployment cannot go on, and what to do about it. */
import { FaultError, type Sentences } from "@pingo/core";

export type DeployFault =
  | {
      readonly code: "CHAIN_OF_ANOTHER_NETWORK";
      readonly endpoint: string;
      readonly found: number;
      readonly expected: number;
    }
  | { readonly code: "NOT_THE_DEPLOYER"; readonly address: string; readonly deployer: string }
  | {
      readonly code: "DEPLOYER_NEEDS_GRAM";
      readonly address: string;
      readonly neededNanogram: bigint;
      readonly foundNanogram: bigint;
    };

const SENTENCES: Sentences<DeployFault> = {
  CHAIN_OF_ANOTHER_NETWORK: (f) =>
    `the genesis file is for ${nameOf(f.expected)}, and the chain at ${f.endpoint} is ${nameOf(f.found)}; set TON_ENDPOINT to one of ${nameOf(f.expected)}, or take the genesis file of that network`,
  NOT_THE_DEPLOYER: (f) =>
    `the genesis file names ${f.deployer} as deployer, and this wallet is ${f.address}; import the deployer's words, or write this address into the file`,
  DEPLOYER_NEEDS_GRAM: (f) =>
    `deploying takes ${gramOf(f.neededNanogram)} GRAM, and ${f.address} has ${gramOf(f.foundNanogram)}; send it ${gramOf(f.neededNanogram - f.foundNanogram)} GRAM more ("pingo devnet faucet" on a devnet) and run this again`,
};

export class DeployError extends FaultError<DeployFault> {
  override readonly name = "DeployError";
  constructor(fault: DeployFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

function nameOf(network: number): string {
  if (network === -239) return "mainnet (-239)";
  return network === -3 ? "testnet or a devnet (-3)" : `network ${network}`;
}

/** Rounded up to hundredths: who sends so much has enough. */
function gramOf(nanogram: bigint): string {
  const hundredths = (nanogram + 9_999_999n) / 10_000_000n;
  return `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, "0")}`;
}
