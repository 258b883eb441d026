/** `pingo wallet` in processes of its own: what it keeps, what it tells, what it refuses. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { expectRefused, MAIN, pingo } from "./pingo.ts";
import { openTerminal } from "./terminal.ts";

const PASSPHRASE = "a passphrase of the test";
const zShown = z.object({
  address: z.string(),
  raw: z.string(),
  network: z.int(),
  publicKey: z.string(),
  words: z.array(z.string()).length(24).optional(),
});
let home: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-wallet-"));
  env = { PINGO_HOME: home, PINGO_WALLET_PASSPHRASE: PASSPHRASE };
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function shown(args: readonly string[], more = env): Promise<z.infer<typeof zShown>> {
  const { exitCode, stdout, stderr } = await pingo(["wallet", ...args, "--json"], more);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  return zShown.parse(JSON.parse(stdout));
}

test("a wallet is made, kept for its owner alone, shown without its words, and imported elsewhere to the same address", async () => {
  const made = await shown(["create"]);
  expect(made.words).toBeUndefined();
  const path = join(home, "wallet.json");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const { words = [] } = await shown(["show", "--words"]);
  const kept = await readFile(path, "utf8");
  for (const word of words.filter(({ length }) => length > 4)) expect(kept).not.toContain(word);
  expect(kept).not.toContain(PASSPHRASE);
  expect(await shown(["show"])).toEqual(made);
  const told = await pingo(["wallet", "show"], env);
  expect(told.stdout).toContain("balances: unknown; no chain is set up here");

  const there = { PINGO_HOME: join(home, "elsewhere") };
  const elsewhere = { ...env, ...there };
  const file = join(home, "words.txt");
  await writeFile(file, `${words.join("\n")}\n`);
  const passphraseFile = join(home, "passphrase");
  await writeFile(passphraseFile, `${PASSPHRASE}\n`);
  expect(await shown(["import", "--file", file], elsewhere)).toEqual(made);
  const opened = await shown(["show", "--words"], {
    ...there,
    PINGO_WALLET_PASSPHRASE_FILE: passphraseFile,
  });
  expect(opened.words).toEqual(words);
  const onMainnet = { ...env, PINGO_HOME: join(home, "mainnet") };
  const main = await shown(["import", "--file", file, "--network", "mainnet"], onMainnet);
  expect(main).toMatchObject({ network: -239, publicKey: made.publicKey });
  expect(main.raw).not.toBe(made.raw);
});

test("what it cannot do is one sentence, and never touches the wallet that is there", async () => {
  const before = await readFile(join(home, "wallet.json"), "utf8");
  expectRefused(await pingo(["wallet", "create"], env), "WALLET_EXISTS", ["wallet.json"]);
  const other = { PINGO_HOME: join(home, "other") };
  expectRefused(await pingo(["wallet", "create"], other), "PASSPHRASE_NEEDED", [
    "PINGO_WALLET_PASSPHRASE_FILE",
  ]);
  expectRefused(await pingo(["wallet", "import"], other), "WORDS_NEEDED", ["--file"]);
  expectRefused(await pingo(["wallet", "show"], other), "NO_WALLET", ["pingo wallet create"]);
  expectRefused(
    await pingo(["wallet", "create"], { ...other, PINGO_WALLET_PASSPHRASE: "short" }),
    "PASSPHRASE_TOO_SHORT",
    ["8"],
  );
  expectRefused(await pingo(["wallet", "create", "--network", "moonnet"], env), "OPTION_INVALID", ["devnet"]);
  expectRefused(
    await pingo(["wallet", "show", "--words"], { ...env, PINGO_WALLET_PASSPHRASE: "another passphrase" }),
    "PASSPHRASE_WRONG",
    [],
  );
  const words = join(home, "few.txt");
  await writeFile(words, "only three words");
  const few = await pingo(["wallet", "import", "--file", words], { ...env, ...other });
  expectRefused(few, "MNEMONIC_LENGTH", ["24", "3"]);
  expect(await readFile(join(home, "wallet.json"), "utf8")).toBe(before);
});

test("a passphrase that is typed is not seen, and is asked for twice", async () => {
  const typed = "typed by a person";
  const folder = join(home, "typed");
  await using terminal = openTerminal(["wallet", "create"], { PINGO_HOME: folder });
  await terminal.saw("A passphrase for the wallet:");
  terminal.type(`${typed}\r`);
  await terminal.saw("The same again:");
  terminal.type(`${typed}\r`);
  expect(await terminal.ended).toBe(0);
  expect(terminal.lines().join("\n")).not.toContain("typed by");
  const opened = await shown(["show", "--words"], { PINGO_HOME: folder, PINGO_WALLET_PASSPHRASE: typed });
  expect(opened.words).toHaveLength(24);
});

test("a passphrase comes through a pipe as well, and one that nobody writes to holds nothing up", async () => {
  const show = '"$NODE" "$MAIN" wallet show --words --json';
  const { stdout } = await promisify(execFile)(
    "bash",
    ["-c", `PINGO_WALLET_PASSPHRASE_FILE=<(sleep 0.2; echo "$SECRET") ${show}`],
    {
      env: { PATH: process.env["PATH"], PINGO_HOME: home, NODE: process.execPath, MAIN, SECRET: PASSPHRASE },
    },
  );
  expect(zShown.parse(JSON.parse(stdout)).words).toHaveLength(24);

  const pipe = join(home, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  for (const [path, code] of [
    [pipe, "PASSPHRASE_WRONG"],
    ["/dev/zero", "FILE_TOO_LARGE"],
    [home, "DISK_FAILED"],
    [join(home, "none"), "FILE_MISSING"],
  ] as const) {
    const ran = await pingo(["wallet", "show", "--words"], {
      PINGO_HOME: home,
      PINGO_WALLET_PASSPHRASE_FILE: path,
    });
    expectRefused(ran, code, []);
  }
});
