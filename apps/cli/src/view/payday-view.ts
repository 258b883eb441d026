/** Who was paid what: a table of the accounts that got or gave something, and what came of it on chain. */
import { formatPingo, type JobPayments, type MembershipView, type RewardsView, shortId } from "@pingo/core";
import { nameOf, type OwnKey } from "../local/own-ids.ts";
import { sentencesOfRewards } from "./rewards-view.ts";
import { table } from "./table.ts";

type Payments = JobPayments["payments"];

export interface Payday {
  readonly keys: readonly OwnKey[];
  /** Of the job. */
  readonly name: string;
  readonly payments: Payments;
  /** For the work that earned the certificate; null where none was needed. */
  readonly firstWork: Payments | null;
  /** With a chain: where the user stands, and what the wallet has once all is paid out. */
  readonly membership: MembershipView | null;
  readonly walletNano: bigint | null;
  /** Of that wallet; null where none are given. */
  readonly rewards: RewardsView | null;
}

/** Nothing for a job without a budget. */
export function paydayLines(payday: Payday): readonly string[] {
  const { keys, name, payments, firstWork, membership, walletNano, rewards } = payday;
  const columns = [
    ...(firstWork === null ? [] : [columnOf("first work", firstWork)]),
    columnOf(name, payments),
  ];
  const accounts = new Set(columns.flatMap(({ nanoByAccount }) => [...nanoByAccount.keys()]));
  const rows = [...accounts]
    .map((account) => ({ account, who: whoOf(account, keys) }))
    .sort((a, b) => rankOf(a.account) - rankOf(b.account) || (a.who < b.who ? -1 : 1));
  const until = membership?.validUntilUnixS ?? null;
  return [
    ...(rows.length === 0
      ? []
      : table(
          [{ title: "who is paid" }, ...columns.map(({ title }) => ({ title, align: "right" as const }))],
          rows.map(({ account, who }) => [
            who,
            ...columns.map(({ nanoByAccount }) => {
              const nano = nanoByAccount.get(account);
              return nano === undefined ? "" : formatPingo(nano);
            }),
          ]),
        ).split("\n")),
    ...(until === null
      ? []
      : [
          `certificate of contribution, earned by work, until ${new Date(until * 1000).toLocaleDateString("sv-SE")}`,
        ]),
    ...(walletNano === null
      ? []
      : [`all of it is paid out on chain; your wallet has ${formatPingo(walletNano)}`]),
    ...(rewards === null ? [] : sentencesOfRewards(rewards)),
  ];
}

/** "fog node" of its fees; whoever pays and is none of this home's is the founder, who is the only other one that a local network knows. */
export function whoOf(account: string, keys: readonly OwnKey[]): string {
  const [role = "", id = ""] = account.split("/");
  const own = nameOf(id, keys);
  if (own !== undefined) return own;
  if (role === "fog") return "fog node";
  return role === "owner" ? "founder" : shortId(id);
}

const RANK_BY_ROLE: Readonly<Record<string, number>> = { provider: 0, fog: 1, owner: 2 };

function rankOf(account: string): number {
  return RANK_BY_ROLE[account.split("/")[0] ?? ""] ?? Object.keys(RANK_BY_ROLE).length;
}

/** What is zero by now, such as an escrow that was spent, is nobody's gain. */
function columnOf(
  title: string,
  payments: Payments,
): { readonly title: string; readonly nanoByAccount: ReadonlyMap<string, bigint> } {
  const found = payments.map(({ account, amountNano }) => [account, BigInt(amountNano)] as const);
  return { title, nanoByAccount: new Map(found.filter(([, nano]) => nano !== 0n)) };
}
