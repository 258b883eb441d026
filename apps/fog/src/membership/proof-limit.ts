/** Of a wallet's proof, as a page sends it. */
export const PROOF_BYTES_MAX = 65_536;
