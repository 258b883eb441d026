/** A contract before it is deployed: its first code and data, and the address that follows from them; and one that stands. */
import { type Address, type Cell, type Contract, contractAddress } from "@ton/core";
import { type ContractName, codeOf } from "./code.ts";

export interface StateInit {
  readonly code: Cell;
  readonly data: Cell;
}

export interface Undeployed {
  readonly address: Address;
  readonly init: StateInit;
}

/** All of ours live in the basechain. */
export function undeployed(name: ContractName, data: Cell): Undeployed {
  const init = { code: codeOf(name), data };
  return { address: contractAddress(0, init), init };
}

/** One that stands, known by its address alone: its first state may have been another. */
export abstract class ContractAt implements Contract {
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }
}
