import { Address } from "@ton/core";

/** By which an owner is found in a claim tree. @param owner workchain:hex */
export function addressHash(owner: string): Buffer {
  return Address.parseRaw(owner).hash;
}
