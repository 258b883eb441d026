/**
 * What a refused message is told: exit codes of our contracts, and of the machine they run on, as sentences.
 *
 * tolk/errors.tolk has the same names and numbers; a test compares the two.
 */
export interface ExitCode {
  readonly name: string;
  readonly sentence: string;
}

export const EXIT_CODES: Readonly<Record<number, ExitCode>> = {
  201: { name: "NOT_OWNER", sentence: "only the owner may ask for this; send it from the owner's address" },
  202: {
    name: "NOT_ENOUGH_GRAM",
    sentence:
      "the message carries too little GRAM for all that follows from it; attach more, the rest comes back",
  },
  203: { name: "NOT_ENOUGH_PINGO", sentence: "that is more PINGO than there is; ask for less" },
  204: {
    name: "WRONG_WORKCHAIN",
    sentence: "the address is not in the basechain; use one that begins with 0:",
  },
  205: {
    name: "NOT_A_PINGO_WALLET",
    sentence: "the sender is no PINGO wallet; tokens come only from wallets of the PINGO minter",
  },
  206: { name: "NOT_BURNABLE", sentence: "PINGO cannot be burnt: its supply is constant; send it instead" },
  207: { name: "NOT_DEPLOYER", sentence: "only the deployer may send genesis; use the key that deploys" },
  208: { name: "GENESIS_DONE", sentence: "genesis is done and minting is closed for good" },
  209: {
    name: "SUPPLY",
    sentence: "the allocations do not add up to 1,000,000,000 PINGO; correct the genesis file",
  },
  210: {
    name: "NOTHING_UNDELIVERED",
    sentence: "no allocation of this owner waits; there is nothing to send again",
  },
  211: {
    name: "BAD_FORWARD_PAYLOAD",
    sentence: "the transfer ends before its forward payload; add at least the bit that says there is none",
  },
  212: { name: "TOO_MANY_ALLOCATIONS", sentence: "genesis has more than 32 allocations; put some together" },
  220: {
    name: "NOT_AUTHORITY",
    sentence: "only the contract's authority may order this; let the quorum or the governor send it",
  },
  221: {
    name: "SIGNED_FOR_ANOTHER",
    sentence: "this was signed for another contract or network; have it signed for this one",
  },
  222: { name: "SEQNO", sentence: "another order came first; have it signed again with the present number" },
  223: { name: "EXPIRED", sentence: "what was signed has expired; have it signed again" },
  224: {
    name: "NO_SUCH_KEY",
    sentence: "a signature names a key that the quorum does not have; leave it out",
  },
  225: { name: "WEAK_KEY", sentence: "an ed25519 key of small order proves nothing; make another key" },
  226: {
    name: "SIGNATURE",
    sentence: "a signature does not verify; have it signed again with the right key",
  },
  227: {
    name: "TOO_FEW_SIGNATURES",
    sentence: "fewer signed than the quorum asks for; collect more signatures",
  },
  228: {
    name: "THRESHOLD",
    sentence:
      "the threshold is not more than half of the keys, or there are more than 64; change one of them",
  },
  65535: {
    name: "UNKNOWN_MESSAGE",
    sentence: "the contract does not know this message; check the address and the program's version",
  },
};

/** Of TVM and of what it does after a contract ran. SOURCE: docs.ton.org, TVM exit codes. */
export const MACHINE_EXIT_CODES: Readonly<Record<number, ExitCode>> = {
  5: {
    name: "RANGE",
    sentence: "a number is out of its range; check the amounts",
  },
  9: {
    name: "CELL_UNDERFLOW",
    sentence: "the message ends too early or is none of ours; check its encoding",
  },
  "-14": { name: "OUT_OF_GAS", sentence: "the message carried too little GRAM to be read; attach more" },
  37: {
    name: "NOT_ENOUGH_BALANCE",
    sentence: "the contract has too little GRAM to send its answer; attach more",
  },
  63: {
    name: "WRONG_PREFIX",
    sentence: "the message does not begin as it should; check the program's version",
  },
};

export function sentenceOfExitCode(code: number): string {
  const known = EXIT_CODES[code] ?? MACHINE_EXIT_CODES[code];
  return (
    known?.sentence ??
    `the contract stopped with exit code ${code}; docs/reference/contracts.md has those we know`
  );
}
