/**
 * Which accounts are tokens, whose, and of what: brought up to date when it is asked.
 *
 * A code is classified once, so that wallets and other contracts cost nothing; of tokens, those are read again
 * whose state has changed since.
 */
import { Address } from "@ton/core";
import { codeHashOf, parseAccount } from "../chain/account-state.ts";
import type { Chain } from "../chain/chain.ts";
import { blobOf } from "../store/chain-store.ts";
import { METHOD_BY_KIND, readToken, type Token, type TokenKind } from "./read-token.ts";

/** What a contract throws that has no such method. SOURCE: TVM exit codes. */
const NO_METHOD = 11;
const KINDS: readonly TokenKind[] = ["jettonMaster", "jettonWallet", "nftCollection", "nftItem"];
/** Accounts read between two chances for others. */
const READ_AT_ONCE = 200;
/** Not a token after all, at the state that was seen. */
const NOT_ONE = "";

export interface IndexedToken {
  readonly address: string;
  readonly token: Token;
}

export interface TokenFilter {
  readonly kind: TokenKind;
  readonly addresses?: readonly string[] | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly parents?: readonly string[] | undefined;
  readonly items?: readonly string[] | undefined;
  readonly isAmountShown?: boolean | undefined;
  readonly limit: number;
  readonly offset: number;
}

export class TokenIndex {
  readonly #chain: Chain;
  #refreshing: Promise<void> = Promise.resolve();

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  async find(filter: TokenFilter): Promise<readonly IndexedToken[]> {
    await this.#refresh();
    const conditions: { sql: string; values: readonly string[] }[] = [];
    const isOneOf = (column: string, values: readonly string[] | undefined): void => {
      if (values && values.length > 0)
        conditions.push({ sql: `${column} IN (${values.map(() => "?").join(", ")})`, values });
    };
    isOneOf("address", filter.addresses);
    isOneOf("owner", filter.owners);
    isOneOf("parent", filter.parents);
    isOneOf("item", filter.items);
    if (filter.isAmountShown) conditions.push({ sql: "amount <> '0'", values: [] });
    const where = ["kind = ?", "details <> ''", ...conditions.map(({ sql }) => sql)].join(" AND ");
    return this.#chain.store
      .statement(`SELECT address, details FROM token WHERE ${where} ORDER BY address LIMIT ? OFFSET ?`)
      .all(filter.kind, ...conditions.flatMap(({ values }) => [...values]), filter.limit, filter.offset)
      .map((row) => ({ address: String(row["address"]), token: JSON.parse(String(row["details"])) }));
  }

  /** One at a time; those who ask meanwhile wait for one that began after they asked. */
  #refresh(): Promise<void> {
    const next = this.#refreshing.then(() => this.#readChanged());
    this.#refreshing = next.catch(() => undefined); // told to who asked
    return next;
  }

  async #readChanged(): Promise<void> {
    await this.#readCodes();
    await this.#classifyCodes();
    const { store } = this.#chain;
    for (const kind of KINDS) {
      const changed = store
        .statement(
          `SELECT account.address AS address, account.last_lt AS lt FROM code
           JOIN account ON account.code_hash = code.hash
           LEFT JOIN token ON token.kind = ? AND token.address = account.address
           WHERE code.kinds LIKE ? AND (token.seen_lt IS NULL OR token.seen_lt < account.last_lt)`,
        )
        .all(kind, `% ${kind} %`);
      for (const { address, lt } of changed) await this.#read(String(address), kind, Number(lt));
    }
  }

  async #read(address: string, kind: TokenKind, seenLt: number): Promise<void> {
    const token = await readToken(this.#chain, Address.parseRaw(address), kind);
    const details = token ? JSON.stringify(token) : NOT_ONE;
    const { owner = null, parent = null, item = null, amount = null } = token ?? {};
    this.#chain.store
      .statement("INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(address, kind, seenLt, owner, parent, item, amount, details);
  }

  /** Which code an account has: read here and not when a block is made, where every transaction would pay for it. */
  async #readCodes(): Promise<void> {
    const { store } = this.#chain;
    for (;;) {
      const rows = store
        .statement("SELECT address, state, last_lt FROM account WHERE code_lt < last_lt LIMIT ?")
        .all(READ_AT_ONCE);
      store.transaction(() => {
        for (const { address, state, last_lt } of rows) {
          const code = codeHashOf(parseAccount(blobOf(state))) ?? null;
          store
            .statement("UPDATE account SET code_hash = ?, code_lt = ? WHERE address = ?")
            .run(code, Number(last_lt), String(address));
        }
      });
      if (rows.length < READ_AT_ONCE) return;
      await new Promise((resolve) => setImmediate(resolve)); // blocks go on meanwhile
    }
  }

  async #classifyCodes(): Promise<void> {
    const { store } = this.#chain;
    const unknown = store
      .statement(
        `SELECT code_hash, min(address) AS address FROM account
         WHERE code_hash IS NOT NULL AND code_hash NOT IN (SELECT hash FROM code) GROUP BY code_hash`,
      )
      .all();
    for (const { code_hash, address } of unknown) {
      const found: TokenKind[] = [];
      for (const kind of KINDS) {
        const { exitCode } = await this.#chain.get(
          Address.parseRaw(String(address)),
          METHOD_BY_KIND[kind],
          [],
        );
        if (exitCode !== NO_METHOD) found.push(kind);
      }
      store
        .statement("INSERT OR REPLACE INTO code VALUES (?, ?)")
        .run(blobOf(code_hash), ` ${found.join(" ")} `);
    }
  }
}
