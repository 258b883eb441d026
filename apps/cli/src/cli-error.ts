import { FaultError, formatPingo, type Sentences } from "@pingo/core";

export type CliFault =
  /** `command`: the words whose help says what is right. */
  | { readonly code: "USAGE"; readonly why: string; readonly command: string }
  | {
      readonly code: "OPTION_INVALID";
      readonly option: string;
      readonly value: string;
      readonly expected: string;
    }
  | { readonly code: "PORT_IN_USE"; readonly port: number }
  | {
      readonly code: "CHILD_DIED";
      readonly child: string;
      readonly how: string;
      readonly last: string | null;
      readonly logPath: string;
    }
  | {
      readonly code: "CHILD_NOT_READY";
      readonly child: string;
      readonly seconds: number;
      readonly logPath: string;
    }
  | { readonly code: "EXAMPLE_FAILED"; readonly why: string }
  | { readonly code: "PAGE_NOT_BUILT"; readonly why: string }
  | {
      readonly code: "JOB_NOT_SUCCEEDED";
      readonly job: string;
      readonly state: string;
      readonly reason: string | null;
    }
  | { readonly code: "FILE_MISSING"; readonly path: string }
  | { readonly code: "FILE_NOT_TEXT"; readonly path: string }
  | { readonly code: "FILE_NOT_JSON"; readonly path: string; readonly why: string }
  | { readonly code: "NO_ADDRESS_BOOK"; readonly path: string }
  | { readonly code: "BOOK_OF_ANOTHER_GENESIS"; readonly path: string }
  | { readonly code: "FILE_TOO_LARGE"; readonly path: string; readonly bytesMax: number }
  | { readonly code: "NO_PROVIDER"; readonly folder: string }
  | { readonly code: "BENCH_FAILED"; readonly why: string }
  | { readonly code: "SYSTEMD_FAILED"; readonly words: string; readonly why: string }
  | { readonly code: "DEVNET_UNREACHABLE"; readonly url: string }
  | { readonly code: "HOME_OF_OTHER_CHAIN"; readonly home: string; readonly begun: "devnet" | "none" }
  | { readonly code: "NO_CERTIFICATE"; readonly logPath: string }
  | { readonly code: "NO_WALLET"; readonly path: string }
  | { readonly code: "WALLET_EXISTS"; readonly path: string }
  | { readonly code: "WORDS_NEEDED" }
  | { readonly code: "PASSPHRASE_NEEDED" }
  | { readonly code: "PASSPHRASES_DIFFER" }
  | { readonly code: "NO_PROVIDER_KEY" }
  | { readonly code: "NOT_LENDING"; readonly fog: string }
  | { readonly code: "STAKE_NOT_OWNED"; readonly role: MemberRole; readonly owner: string | null }
  | { readonly code: "STAKE_BARRED"; readonly role: MemberRole }
  | { readonly code: "STAKE_TOO_SMALL"; readonly minNano: bigint; readonly totalNano: bigint }
  | { readonly code: "STAKE_LESS"; readonly stakedNano: bigint; readonly askedNano: bigint }
  | {
      readonly code: "STAKE_PINGO_MISSING";
      readonly address: string;
      readonly neededNano: bigint;
      readonly foundNano: bigint;
    }
  | { readonly code: "NOTHING_UNBONDS"; readonly role: MemberRole }
  | { readonly code: "STILL_UNBONDING"; readonly unbondsAtUnixS: number }
  | { readonly code: "ESCROW_DIFFERS"; readonly found: string; readonly own: string }
  | { readonly code: "ESCROW_DEADLINE"; readonly deadlineUnixS: number }
  | { readonly code: "NO_ESCROW"; readonly job: string }
  | {
      readonly code: "REFUSED_ON_CHAIN";
      readonly what: string;
      readonly exitCode: number;
      readonly why: string;
    }
  | { readonly code: "ESCROW_NOT_YOURS"; readonly user: string }
  | { readonly code: "ESCROW_NOT_BILLED"; readonly act: string; readonly phase: string }
  | {
      readonly code: "BILL_REFUSED";
      readonly job: string;
      readonly billedNano: bigint;
      /** By the receipts that prove something. */
      readonly owedNano: bigint;
      readonly untilUnixS: number;
      readonly why: string;
    }
  | {
      readonly code: "BILL_UNCHECKED";
      readonly job: string;
      readonly billedNano: bigint;
      readonly untilUnixS: number;
      readonly why: string;
    }
  | { readonly code: "ESCROW_WINDOW_OVER"; readonly untilUnixS: number }
  | { readonly code: "ESCROW_NOT_DISPUTED"; readonly phase: string }
  | { readonly code: "ANSWER_TOO_MUCH"; readonly billedNano: bigint; readonly amountNano: bigint }
  | { readonly code: "ESCROW_CLOSED" }
  | { readonly code: "ESCROW_TOO_EARLY"; readonly phase: string; readonly untilUnixS: number }
  | { readonly code: "NO_FOG_KEY"; readonly path: string }
  | { readonly code: "QUORUM_NOT_OURS"; readonly isMember: boolean; readonly threshold: number }
  | { readonly code: "ESCROW_SILENT"; readonly what: string; readonly minutes: number }
  | {
      readonly code: "PINGO_MISSING";
      readonly address: string;
      readonly neededNano: bigint;
      readonly foundNano: bigint;
    }
  | {
      readonly code: "GRAM_MISSING";
      readonly what: string;
      readonly address: string;
      readonly isMainnet: boolean;
      readonly neededNanogram: bigint;
      readonly foundNanogram: bigint;
    }
  | { readonly code: "INTERRUPTED" };

type MemberRole = "provider" | "fog";

const MEMBERS: { readonly [K in MemberRole]: { readonly name: string; readonly command: string } } = {
  provider: { name: "provider", command: "node" },
  fog: { name: "fog node", command: "fog" },
};

const SENTENCES: Sentences<CliFault> = {
  USAGE: (f) =>
    f.command === "pingo"
      ? `${f.why}; "pingo --help" shows the commands`
      : `${f.why}; "${f.command} --help" shows how it is used`,
  OPTION_INVALID: (f) => `${f.option} "${f.value}": expected ${f.expected}`,
  PORT_IN_USE: (f) =>
    `port ${f.port} of this machine is taken; stop what uses it (perhaps another "pingo up"), or choose another with --port`,
  CHILD_DIED: (f) =>
    `the ${f.child} ended (${f.how})${f.last === null ? "" : `: ${f.last}`}; its log is ${f.logPath}`,
  CHILD_NOT_READY: (f) => `the ${f.child} was not ready within ${f.seconds} s; its log is ${f.logPath}`,
  EXAMPLE_FAILED: (f) => `the example's data could not be prepared: ${f.why}`,
  PAGE_NOT_BUILT: (f) => `the page that lends could not be built: ${f.why}; leave --web out to go without it`,
  JOB_NOT_SUCCEEDED: (f) => `the job ${f.job} ${f.state}${f.reason === null ? "" : `: ${f.reason}`}`,
  FILE_MISSING: (f) => `there is no file ${f.path}`,
  FILE_NOT_TEXT: (f) =>
    `${f.path} is no text; what is wanted here is a job file, in YAML or JSON, whose key "model" names the model`,
  FILE_NOT_JSON: (f) => `${f.path} is no JSON: ${f.why}`,
  NO_ADDRESS_BOOK: (f) =>
    `there is no address book at ${f.path}; deploy the contracts ("pingo chain deploy"), or set PINGO_FOG_ADDRESS_BOOK to your network's`,
  BOOK_OF_ANOTHER_GENESIS: (f) =>
    `${f.path} is of another deployment; move it away, or name another file with --out`,
  FILE_TOO_LARGE: (f) => `${f.path} is larger than the ${f.bytesMax} bytes that are accepted`,
  NO_PROVIDER: (f) => `no provider runs in ${f.folder}; "pingo node join" lends this computer`,
  BENCH_FAILED: (f) =>
    `the measurement did not come to its end: ${f.why}; "pingo doctor" says what is missing`,
  SYSTEMD_FAILED: (f) =>
    `systemctl --user ${f.words} did not work: ${f.why}; on a system without systemd run "pingo node join" from what starts your programs`,
  DEVNET_UNREACHABLE: (f) => `no devnet answers at ${f.url}; "pingo devnet up" starts one`,
  HOME_OF_OTHER_CHAIN: (f) =>
    f.begun === "none"
      ? `${f.home} was begun without a chain, and its books cannot be continued on one; leave --chain out, or set PINGO_HOME to a new folder`
      : `${f.home} was begun with a chain, on which its jobs are paid; leave --chain out, or set PINGO_HOME to a new folder to go without`,
  NO_CERTIFICATE: (f) =>
    `no certificate was issued for this computer's first work; the fog node's log, ${f.logPath}, says why ("work_redone", "membership_stalled")`,
  NO_WALLET: (f) => `there is no wallet at ${f.path}; "pingo wallet create" makes one`,
  WALLET_EXISTS: (f) =>
    `there is a wallet at ${f.path} already, and what it holds would be lost; move that file away first, or set PINGO_HOME`,
  WORDS_NEEDED: () =>
    'the 24 words can only be asked for at a terminal; name a file that holds them: "pingo wallet import --file words.txt"',
  PASSPHRASE_NEEDED: () =>
    "the wallet's passphrase can only be asked for at a terminal; set PINGO_WALLET_PASSPHRASE_FILE to a file that holds it",
  PASSPHRASES_DIFFER: () => "the two passphrases differ; nothing was written, so try again",
  NO_PROVIDER_KEY: () => 'no provider was ever started in this home; "pingo node join" starts one',
  NOT_LENDING: (f) =>
    `this home's provider is not at ${f.fog} now; start it ("pingo node join") and try again`,
  STAKE_NOT_OWNED: (f) =>
    f.owner === null
      ? `this home's ${MEMBERS[f.role].name} is not registered on chain; "pingo ${MEMBERS[f.role].command} register" does it`
      : `this home's ${MEMBERS[f.role].name} is registered for the wallet ${f.owner}; only that one can change its stake`,
  STAKE_BARRED: (f) =>
    `this ${MEMBERS[f.role].name}'s key is barred for good by what it signed; start anew with another home (PINGO_HOME)`,
  STAKE_TOO_SMALL: (f) =>
    `the registry asks for ${formatPingo(f.minNano)} at stake, and this would make ${formatPingo(f.totalNano)}; give more with --stake`,
  STAKE_LESS: (f) =>
    `only ${formatPingo(f.stakedNano)} is at stake, less than ${formatPingo(f.askedNano)}; ask for less`,
  STAKE_PINGO_MISSING: (f) =>
    `${formatPingo(f.neededNano)} was to be put at stake, and ${f.address} has ${formatPingo(f.foundNano)}; send it more, or stake less`,
  NOTHING_UNBONDS: (f) =>
    `nothing has left this ${MEMBERS[f.role].name}'s stake; "pingo ${MEMBERS[f.role].command} unbond" takes something out`,
  STILL_UNBONDING: (f) =>
    `it unbonds until ${new Date(f.unbondsAtUnixS * 1000).toISOString()} by the chain's clock; collect it then`,
  ESCROW_DIFFERS: (f) =>
    `the fog node asks for the job's budget at ${f.found}, and by this home's wallet and address book its escrow is ${f.own}; nothing was sent: link this wallet ("pingo membership join"), and check PINGO_FOG_ADDRESS_BOOK`,
  REFUSED_ON_CHAIN: (f) => `the chain refused ${f.what} (exit code ${f.exitCode}): ${f.why}`,
  ESCROW_DEADLINE: (f) =>
    `the fog node would keep the job's escrow open until ${new Date(f.deadlineUnixS * 1000).toISOString()}: nothing is paid into one that is open for less than an hour or more than 30 days; use another fog node`,
  NO_ESCROW: (f) =>
    `the job ${f.job} has no escrow on chain; a job without a budget has none, nor has one that nobody funded, or whose fog node pays by its books alone`,
  ESCROW_NOT_YOURS: (f) =>
    `the escrow is the wallet ${f.user}'s, and only that one can accept or dispute its bill; use the home of that wallet (PINGO_HOME)`,
  ESCROW_NOT_BILLED: (f) =>
    `there is no bill to ${f.act}: the escrow is ${f.phase}; "pingo job escrow show" says until when`,
  BILL_REFUSED: (f) =>
    `nothing was signed: the fog node billed ${formatPingo(f.billedNano)} for the job ${f.job}, and its receipts come to ${formatPingo(f.owedNano)}, ${differenceOf(f)}: ${f.why}; unless you object by ${at(f.untilUnixS)} it is paid as it is: "pingo job escrow dispute ${f.job}" leaves it to the quorum of fog nodes, and all of it is yours again if they do not answer within seven days`,
  ESCROW_WINDOW_OVER: (f) =>
    `the bill could be disputed until ${at(f.untilUnixS)} by the chain's clock; it is paid as it is`,
  BILL_UNCHECKED: (f) =>
    `nothing was signed: the fog node billed ${formatPingo(f.billedNano)} for the job ${f.job}, and what it stands for cannot be had from it (${f.why}); unless you object by ${at(f.untilUnixS)} it is paid as it is: "pingo job escrow accept ${f.job}" tries again, and "pingo job escrow dispute ${f.job}" leaves it to the quorum of fog nodes`,
  ESCROW_NOT_DISPUTED: (f) =>
    `nobody disputes a bill here: the escrow is ${f.phase}; only a disputed one waits for an answer`,
  ANSWER_TOO_MUCH: (f) =>
    `${formatPingo(f.amountNano)} is more than the ${formatPingo(f.billedNano)} that were billed; give that much at most`,
  ESCROW_CLOSED: () => "the escrow is closed, and all of it is paid; there is nothing left to do",
  ESCROW_TOO_EARLY: (f) =>
    `the escrow is ${f.phase} until ${at(f.untilUnixS)} by the chain's clock; close it then`,
  NO_FOG_KEY: (f) =>
    `there is no fog node's key at ${f.path}; this is signed in the home of a fog node (PINGO_HOME), which "pingo fog serve" makes`,
  QUORUM_NOT_OURS: (f) =>
    f.isMember
      ? `the quorum asks for ${f.threshold} signatures, and this home has one; gather the others by hand`
      : "this home's fog node is not in the quorum; answer from one that is",
  ESCROW_SILENT: (f) => `the fog node has not ${f.what} within ${f.minutes} minutes; its log says why`,
  PINGO_MISSING: (f) =>
    `the job's budget is ${formatPingo(f.neededNano)}, and ${f.address} has ${formatPingo(f.foundNano)}; earn it by lending a computer ("pingo node join"), or write a smaller budget`,
  GRAM_MISSING: (f) => {
    const missing = gram(f.neededNanogram - f.foundNanogram);
    const from = f.isMainnet
      ? "an exchange sells it"
      : `"pingo devnet faucet ${f.address} 1" on a devnet; on testnet its faucets give it away`;
    return `${f.what} takes ${gram(f.neededNanogram)} for a while, most of which comes back, and ${f.address} has ${gram(f.foundNanogram)}: send it ${missing} more (${from}), and run this again`;
  },
  INTERRUPTED: () => "interrupted",
};

function gram(nanogram: bigint): string {
  return formatPingo(nanogram).replace("PINGO", "GRAM");
}

function differenceOf({
  billedNano,
  owedNano,
}: {
  readonly billedNano: bigint;
  readonly owedNano: bigint;
}): string {
  if (billedNano === owedNano) return "as billed";
  const isLess = owedNano < billedNano;
  return `${formatPingo(isLess ? billedNano - owedNano : owedNano - billedNano)} ${isLess ? "less" : "more"}`;
}

function at(unixS: number): string {
  return new Date(unixS * 1000).toISOString();
}

export class CliError extends FaultError<CliFault> {
  override readonly name = "CliError";
  constructor(fault: CliFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
