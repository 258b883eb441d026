/** A quorum of two: the station that closed an epoch cannot post it alone; each member computes it again, signs, and both signatures post it. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { keyPairOfSeed } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type PaidFog, startPaidFog, until } from "./paid-fog.ts";

const PINGO = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const NODE_24 = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
const EPOCH_S = 1_000;
const NANOGRAM = 1_000_000_000n;
const zSigned = z.object({ signature: z.string(), root: z.string() });
const zRefused = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const other = keyPairOfSeed(systemPrng.bytes(32));
let net: PaidFog;
/** Of the second member, whose fog node need not run. */
let otherHome = "";

beforeAll(async () => {
  net = await startPaidFog({ emission: { epochSeconds: EPOCH_S, windowSeconds: 300 }, quorum: [other] });
  otherHome = await mkdtemp(join(tmpdir(), "pingo-other-fog-"));
  await mkdir(join(otherHome, "fog"));
  await writeFile(join(otherHome, "fog", "key"), other.seed);
});
afterAll(async () => {
  await rm(otherHome, { recursive: true });
  await net[Symbol.asyncDispose]();
});

/** The command in a home, asking the station that closed the epoch. */
async function pingo(home: string, args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(NODE_24, [PINGO, ...args, "--json"], {
    env: {
      PINGO_HOME: home,
      PINGO_FOG: net.fog.url,
      PINGO_FOG_ADDRESS_BOOK: net.devnet.bookPath,
      PINGO_WALLET_PASSPHRASE: "a passphrase of the test",
      TON_ENDPOINT: net.devnet.endpoint,
    },
  }).catch((error: unknown) => z.object({ stdout: z.string() }).parse(error));
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

async function refusalOf(home: string, args: readonly string[]): Promise<string> {
  return zRefused.parse(await pingo(home, args)).error.code;
}

test("two members sign what each computed, either posts it with both signatures, and one signature or a wrong one is not enough", async () => {
  await net.paidJob(9n * NANOGRAM);
  await net.devnet.travel(EPOCH_S);
  await until(
    async () => net.fog.logged().includes("root_held_up") || net.fog.logged().includes("emission_stalled"),
  );
  const view = await net.emission();
  expect(view.pools.every(({ waiting }) => waiting === null)).toBe(true);
  expect(view.epochs).toHaveLength(1);

  const sign = ["fog", "epoch", "sign", "--pool", "compute"];
  const post = ["fog", "epoch", "post", "--pool", "compute"];
  const own = zSigned.parse(await pingo(net.home, sign));
  const theirs = zSigned.parse(await pingo(otherHome, sign));
  const root = view.epochs[0]?.roots.find(({ pool }) => pool === "compute")?.root;
  expect([own.root, theirs.root]).toEqual([root, root]);

  const made = z.object({ raw: z.string() }).parse(await pingo(otherHome, ["wallet", "create"]));
  await net.devnet.give(Address.parseRaw(made.raw), 2n * NANOGRAM);
  expect(await refusalOf(otherHome, post)).toBe("SIGNATURES_MISSING");
  const [place = ""] = own.signature.split(":");
  expect(await refusalOf(otherHome, [...post, "--signature", `${place}:${"0".repeat(128)}`])).toBe(
    "SIGNATURES_MISSING",
  );
  expect(await refusalOf(otherHome, [...post, "--signature", "nothing"])).toBe("OPTION_INVALID");
  expect(await pingo(otherHome, [...post, "--signature", own.signature])).toMatchObject({ root });
  await until(async () => (await net.emission()).pools[0]?.waiting?.root === root);
  // The station goes on: what others posted of its own roots it sees.
  await until(async () => net.fog.logged().includes("root_posted"));
  expect(await refusalOf(otherHome, sign)).toBe("ROOT_POSTED");
});
