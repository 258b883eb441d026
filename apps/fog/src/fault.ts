/** What the station refuses or cannot do, and one sentence for each. */
import { type Cid, FaultError, formatBytes, formatPingo, type LeaseId, type Sentences } from "@pingo/core";

export type FogFault =
  | { readonly code: "PORT_IN_USE"; readonly address: string; readonly variable: string }
  | {
      readonly code: "ADDRESS_REFUSED";
      readonly address: string;
      readonly variable: string;
      readonly why: string;
    }
  | { readonly code: "DATABASE_UNREACHABLE"; readonly where: string; readonly why: string }
  | { readonly code: "DATABASE_IN_USE"; readonly where: string }
  | { readonly code: "DATABASE_NEWER"; readonly found: number; readonly known: number }
  | { readonly code: "KEY_MALFORMED"; readonly path: string }
  | { readonly code: "JOB_UNKNOWN"; readonly job: string }
  | { readonly code: "JOBS_TOO_MANY"; readonly max: number }
  | { readonly code: "UNFUNDED_JOBS_TOO_MANY"; readonly max: number }
  | { readonly code: "NOT_OWNER"; readonly job: Cid; readonly signer: string }
  | { readonly code: "NONCE_REFUSED"; readonly bytes: number }
  | { readonly code: "BUDGET_TOO_LARGE"; readonly budgetNano: bigint; readonly maxNano: bigint }
  | { readonly code: "BILL_TOO_LONG"; readonly receipts: number; readonly max: number }
  | {
      readonly code: "FUNDS_MISSING";
      readonly owner: string;
      readonly budgetNano: bigint;
      readonly missingNano: bigint;
    }
  | { readonly code: "AUDIT_RUNS" }
  | { readonly code: "WALLET_NOT_LINKED"; readonly node: string }
  | { readonly code: "NOT_MEMBER"; readonly address: string }
  | { readonly code: "NO_CHAIN" }
  | { readonly code: "NO_REGISTRY" }
  | { readonly code: "PASS_NEEDED" }
  | { readonly code: "TICKET_NEEDED" }
  | { readonly code: "TICKET_REFUSED" }
  | { readonly code: "PASS_EXPIRED" }
  | { readonly code: "WRONG_NETWORK"; readonly found: number; readonly expected: number }
  | { readonly code: "WALLET_NOT_AT_ADDRESS"; readonly address: string }
  | { readonly code: "STATEMENT_AHEAD"; readonly node: string }
  | { readonly code: "STATEMENT_OLD"; readonly node: string }
  | { readonly code: "ADDRESS_BOOK_MISSING"; readonly path: string }
  | {
      readonly code: "BOOK_OF_ANOTHER_NETWORK";
      readonly path: string;
      readonly found: number;
      readonly expected: number;
    }
  | {
      readonly code: "CHAIN_OF_ANOTHER_NETWORK";
      readonly host: string;
      readonly found: number;
      readonly expected: number;
    }
  | { readonly code: "CONTRACTS_MISSING"; readonly host: string; readonly path: string }
  | { readonly code: "ESCROW_GONE"; readonly address: string }
  | { readonly code: "WALLET_EMPTY"; readonly address: string }
  | { readonly code: "QUORUM_STRANGER"; readonly node: string }
  | { readonly code: "QUORUM_TOO_LARGE"; readonly threshold: number }
  | { readonly code: "QUORUM_UNGATHERED"; readonly threshold: number }
  | { readonly code: "NO_VAULTS" }
  | { readonly code: "NO_EMISSION" }
  | { readonly code: "BLOCK_MISSING"; readonly what: string; readonly cid: Cid }
  | { readonly code: "ROUTE_UNKNOWN"; readonly route: string }
  | { readonly code: "BODY_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "MEDIA_TYPE_REFUSED" }
  | { readonly code: "REQUEST_MALFORMED"; readonly why: string }
  | { readonly code: "REQUEST_TOO_SLOW" }
  | { readonly code: "HEADERS_TOO_LARGE" }
  | { readonly code: "FOLLOWERS_TOO_MANY"; readonly max: number }
  | { readonly code: "STARTING" }
  | { readonly code: "STOPPING" }
  | { readonly code: "PROVIDER_GONE"; readonly provider: string }
  | { readonly code: "HELLO_EXPECTED"; readonly type: string }
  | { readonly code: "KEY_IN_USE"; readonly provider: string }
  | { readonly code: "VERSION_UNSUPPORTED"; readonly found: number; readonly supported: number }
  | { readonly code: "STRANGER"; readonly what: string }
  | { readonly code: "UNIT_MISMATCH"; readonly lease: LeaseId }
  | { readonly code: "UPDATE_INVALID"; readonly cid: Cid; readonly why: string }
  | { readonly code: "STATEMENT_MISSING"; readonly lease: LeaseId; readonly registry: string }
  | { readonly code: "EQUIVOCATION"; readonly lease: LeaseId }
  | { readonly code: "BUILD_FAILED"; readonly why: string }
  | { readonly code: "NOT_REDONE"; readonly work: Cid }
  | { readonly code: "PAGE_MISSING"; readonly folder: string };

const SENTENCES: Sentences<FogFault> = {
  PORT_IN_USE: (f) =>
    `${f.address} is in use by another process; stop that process or choose another port with --port (${f.variable})`,
  ADDRESS_REFUSED: (f) =>
    `this machine does not let the station listen on ${f.address} (${f.why}); choose another address with ${f.variable}`,
  DATABASE_UNREACHABLE: (f) =>
    `the database at ${f.where} cannot be used (${f.why}); check that it runs, or unset DATABASE_URL to use the built-in one`,
  DATABASE_IN_USE: (f) =>
    `the database at ${f.where} belongs to another running fog node; stop it first or give this one its own database`,
  DATABASE_NEWER: (f) =>
    `the database was written by a newer PinGo (schema ${f.found}, this one knows ${f.known}); run that version`,
  KEY_MALFORMED: (f) =>
    `${f.path} does not hold a 32-byte key; restore it, or remove it to get a new identity`,
  JOB_UNKNOWN: (f) =>
    `there is no job ${f.job} here; \`pingo job list\` (GET /v1/jobs) shows those there are`,
  JOBS_TOO_MANY: (f) =>
    `${f.max} jobs wait or run here already; stop one, or submit again when one has finished`,
  UNFUNDED_JOBS_TOO_MANY: (f) =>
    `${f.max} jobs of this key wait for their budgets already; pay one of them or stop it, then submit again`,
  NOT_OWNER: (f) => `${f.signer} does not own job ${f.job}; only its owner's key can stop it`,
  BUDGET_TOO_LARGE: (f) =>
    `the budget is ${formatPingo(f.budgetNano)}, and all there is are ${formatPingo(f.maxNano)}; write a smaller one`,
  BILL_TOO_LONG: (f) =>
    `the job may come to ${f.receipts} receipts (rounds × workers.max, or its pieces), and a bill on chain lists at most ${f.max}; write fewer rounds with more steps each, or a smaller workers.max`,
  FUNDS_MISSING: (f) =>
    `the job's budget is ${formatPingo(f.budgetNano)}, of which ${f.owner} lacks ${formatPingo(f.missingNano)} here; earn it by lending a computer ("pingo node join"), or write a smaller budget`,
  AUDIT_RUNS: () => "the books are being audited already; ask again when that is done",
  WALLET_NOT_LINKED: (f) =>
    `only contributors may use this fog node, and ${f.node} is linked to no wallet; lend a computer ("pingo node join"), then link it and yourself to your wallet ("pingo wallet create", "pingo membership join")`,
  NOT_MEMBER: (f) =>
    `only contributors may use this fog node, and ${f.address} has no valid certificate; lend a computer ("pingo node join"): its first work that counts, and comes out the same when it is repeated here, earns one ("pingo membership show")`,
  TICKET_NEEDED: () =>
    "only contributors may store blocks here, and this upload says of nobody that they ask for it; use this version of pingo, which signs its uploads",
  TICKET_REFUSED: () =>
    "the upload's ticket is of another fog node or another time; set this computer's clock and send it again",
  PASS_NEEDED: () => "this asks for a pass of this fog node; sign in with your wallet at /v1/sign-in",
  PASS_EXPIRED: () => "the pass has expired; sign in with your wallet again",
  NO_CHAIN: () =>
    "this fog node knows no chain, so it cannot tell who contributed; its operator sets PINGO_FOG_GATE or PINGO_FOG_ADDRESS_BOOK",
  NO_REGISTRY: () =>
    'the address book names no registry, so this fog node cannot tell who has a stake; take the one that "pingo chain deploy" wrote, or set PINGO_FOG_STAKE=none',
  WRONG_NETWORK: (f) =>
    `the wallet is of network ${f.found} and this fog node of ${f.expected}; import its words for that network ("pingo wallet import --network")`,
  WALLET_NOT_AT_ADDRESS: (f) =>
    `the wallet of the key that signed is not at ${f.address}; link a W5 wallet with "pingo membership join"`,
  STATEMENT_AHEAD: (f) =>
    `the statement that links ${f.node} is of the future; set this computer's clock and link again`,
  STATEMENT_OLD: (f) => `${f.node} was linked by a later statement already; link it again to change that`,
  ADDRESS_BOOK_MISSING: (f) =>
    `there is no address book at ${f.path}; deploy the contracts ("pingo chain deploy"), or set PINGO_FOG_ADDRESS_BOOK to where it is`,
  BOOK_OF_ANOTHER_NETWORK: (f) =>
    `the address book at ${f.path} is of network ${f.found} and this fog node of ${f.expected}; set PINGO_FOG_NETWORK or PINGO_FOG_ADDRESS_BOOK to the other`,
  CHAIN_OF_ANOTHER_NETWORK: (f) =>
    `the chain at ${f.host} is of network ${f.found} and this fog node of ${f.expected}; set PINGO_FOG_NETWORK or TON_ENDPOINT to the other`,
  CONTRACTS_MISSING: (f) =>
    `the PINGO contracts of ${f.path} do not stand on the chain at ${f.host}; deploy them ("pingo chain deploy"), or set PINGO_FOG_ADDRESS_BOOK or TON_ENDPOINT to where they do`,
  ESCROW_GONE: (f) =>
    `the escrow ${f.address} was funded and does not stand on this chain; check that TON_ENDPOINT is the network of before`,
  WALLET_EMPTY: (f) =>
    `this fog node's wallet ${f.address} has too little GRAM for what it has to send; give it some ("pingo devnet faucet" on a devnet)`,
  QUORUM_STRANGER: (f) =>
    `the quorum on chain does not know ${f.node}; its governor adds this fog node's key, or the address book is of another network`,
  QUORUM_TOO_LARGE: (f) =>
    `the quorum asks for ${f.threshold} signatures, and this fog node can only give its own; issue the certificate with other tools`,
  QUORUM_UNGATHERED: (f) =>
    `the quorum asks for ${f.threshold} signatures on a root, and this fog node can only give its own; its other members sign with "pingo fog epoch sign"`,
  NO_VAULTS: () =>
    'the address book names no vaults of the emission that stand on this chain; take the one that "pingo chain deploy" wrote',
  NO_EMISSION: () =>
    "this fog node is not paid on chain, and the emission gives only for what was; ask one that is (PINGO_FOG_PAYMENT=chain)",
  NONCE_REFUSED: (f) => `the nonce has ${f.bytes} bytes; a job carries 1 to 64`,
  BLOCK_MISSING: (f) =>
    `${f.what} (${f.cid}) is not stored here; upload it with PUT /ipfs/${f.cid} and submit again`,
  ROUTE_UNKNOWN: (f) => `there is nothing at ${f.route}`,
  BODY_TOO_LARGE: (f) => `the body is larger than the ${formatBytes(f.bytesMax)} accepted here`,
  MEDIA_TYPE_REFUSED: () => "a body of this content type is not read; send application/cbor",
  REQUEST_MALFORMED: (f) => `the request cannot be read: ${f.why}`,
  REQUEST_TOO_SLOW: () => "the request did not arrive in time; send it again",
  HEADERS_TOO_LARGE: () => "the headers are larger than is read here; send fewer, or a shorter address",
  FOLLOWERS_TOO_MANY: (f) => `${f.max} clients follow events here already; try again later`,
  STARTING: () => "this fog node is starting; try again in a moment",
  STOPPING: () => "this fog node is stopping; try again in a moment",
  PROVIDER_GONE: (f) => `provider ${f.provider} is not connected`,
  HELLO_EXPECTED: (f) => `a channel begins with hello, not with ${f.type}`,
  KEY_IN_USE: (f) =>
    `another process works here as provider ${f.provider} with the same key; stop it, or give this one a folder and so a key of its own with PINGO_PROVIDER_DIR`,
  VERSION_UNSUPPORTED: (f) =>
    `this station speaks version ${f.supported} of the control protocol, not ${f.found}`,
  STRANGER: (f) => `${f.what}; the work was not counted`,
  UNIT_MISMATCH: (f) => `the receipt names another unit than lease ${f.lease} was granted for`,
  UPDATE_INVALID: (f) => `update ${f.cid} is refused: ${f.why}`,
  STATEMENT_MISSING: (f) =>
    `lease ${f.lease} asks for a statement under the registry ${f.registry}, and its result came without one; sign it and send both`,
  EQUIVOCATION: (f) =>
    `two different results were signed for lease ${f.lease}; both statements are kept as proof ("pingo fog cases"), and this one does not count`,
  BUILD_FAILED: (f) => `the training program could not be built: ${f.why}`,
  NOT_REDONE: (f) =>
    `the work that came to ${f.work} took more memory or time here than there is; another piece of work may prove the same`,
  PAGE_MISSING: (f) =>
    `${f.folder} holds no built page; build it with node apps/tab/src/main.ts ${f.folder}, or unset PINGO_FOG_WEB and PINGO_FOG_PAGE`,
};

export class FogError extends FaultError<FogFault> {
  override readonly name = "FogError";
  constructor(fault: FogFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
