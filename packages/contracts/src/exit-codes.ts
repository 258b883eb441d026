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
  213: {
    name: "NOTHING_UNTOLD",
    sentence: "the owner was told of everything that came; there is nothing to tell",
  },
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
  229: {
    name: "KEY_TWICE",
    sentence:
      "a key stands there twice, or they are not in ascending order; name each once, the smallest first",
  },
  240: { name: "NOT_A_PROOF", sentence: "the proof is no Merkle proof; make it with the claim tree" },
  241: {
    name: "WRONG_ROOT",
    sentence: "the proof belongs to another root; fetch the tree of the root in force and prove again",
  },
  242: { name: "NOT_IN_TREE", sentence: "this owner was given nothing; there is nothing to claim" },
  243: { name: "PAID_ALREADY", sentence: "all of it was paid already; claim again after the next root" },
  244: { name: "NO_ROOT", sentence: "no root is in force yet; claim after the first window has passed" },
  245: { name: "ROOT_WAITS", sentence: "another root waits in its window; post again when it is decided" },
  246: { name: "EPOCH", sentence: "the root of this epoch or a later one is in force; post a later epoch" },
  247: { name: "OVER_SCHEDULE", sentence: "the schedule does not allow so much yet; wait for a later epoch" },
  248: { name: "TOTAL_FELL", sentence: "the total is less than that of the root in force; totals only grow" },
  249: { name: "WINDOW_CLOSED", sentence: "no root waits; a root can be challenged only in its window" },
  250: { name: "CHALLENGED_ALREADY", sentence: "the root is challenged already; wait for the decision" },
  251: { name: "NOT_CHALLENGED", sentence: "no challenged root waits; there is nothing to decide" },
  252: { name: "TOO_EARLY", sentence: "it is too early for this; ask again when the time has come" },
  253: { name: "NOT_A_FRAUD", sentence: "the proofs do not contradict each other; what was posted stands" },
  254: { name: "PAUSED", sentence: "the guardian paused payments; claim again when the pause is over" },
  255: { name: "PAUSE_TOO_LONG", sentence: "a pause lasts seven days at most; ask for less" },
  256: { name: "PAUSE_TOO_SOON", sentence: "a pause may begin 30 days after the last one began; wait" },
  257: {
    name: "ANOTHER_ROOT",
    sentence: "the decision is about another root than the one that waits; vote on this one",
  },
  270: { name: "SOULBOUND", sentence: "a certificate cannot change hands; whoever wants one earns one" },
  271: { name: "REVOKED", sentence: "the certificate is revoked; contribute again and a new one is issued" },
  272: { name: "NOT_ISSUED", sentence: "no certificate was issued here yet; contribute first" },
  273: {
    name: "VALID_TOO_LONG",
    sentence: "a certificate is valid for 100 days at most; choose an earlier end and renew it",
  },
  280: { name: "CLOSED", sentence: "it is closed or closing; open another for more work" },
  281: { name: "NOT_CLOSING", sentence: "nobody closes this channel; the user or the fog node must begin" },
  282: { name: "NOTHING_VESTED", sentence: "nothing more is released yet; ask again after the next step" },
  290: { name: "BARRED", sentence: "this key is barred for good; make another key and register that" },
  291: {
    name: "CONVICTED_ALREADY",
    sentence: "there is a verdict on this slot already; one is all there can be",
  },
  292: {
    name: "OVER_VERDICT_MAX",
    sentence: "a verdict may not take so much; ask for no more than the registry allows",
  },
  293: {
    name: "STAKE_MIN",
    sentence: "a stake of more than 1,000,000 PINGO would shut the door to everyone; ask for less",
  },
  300: { name: "ESTABLISHED", sentence: "governance is established and its list of powers closed for good" },
  301: {
    name: "NOT_A_POWER",
    sentence: "governance has no power to order this; propose an order of its list, to its contract",
  },
  302: {
    name: "NOT_A_BUILDER",
    sentence: "only a certificate that is valid, and was when the vote began, speaks here; renew yours",
  },
  303: { name: "VOTED_ALREADY", sentence: "this voter voted on it already; one vote is all there is" },
  304: {
    name: "LOCKED_TOO_SHORT",
    sentence: "the tokens must stay locked until the proposal can be carried out; name that moment or later",
  },
  305: {
    name: "LOCKED_TOO_LONG",
    sentence: "tokens are locked for 100 days at most; name an earlier moment",
  },
  306: { name: "LOCKED", sentence: "the tokens voted and are locked still; ask again when the time is over" },
  307: {
    name: "NOT_CARRIED",
    sentence: "one of the chambers did not carry the proposal, or too few voted; propose it anew",
  },
  308: { name: "ENACTED", sentence: "the proposal is carried out already; there is nothing left to do" },
  309: {
    name: "VOTING_RULES",
    sentence: "the rules of voting are out of their bounds; choose times within those of genesis",
  },
  310: { name: "ORDER_TOO_LARGE", sentence: "the order is larger than any we know; propose a smaller one" },
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
