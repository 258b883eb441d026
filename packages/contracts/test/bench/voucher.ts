/**
 * Vouchers that a fog node checks in a second of CPU time, beside the signature check of the usual TON library.
 *
 * Prints one JSON line. A program of its own for `npm run bench -- ton`.
 */
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { Address } from "@ton/core";
import { signVerify } from "@ton/crypto";
import { encodeVoucher, signVoucher, VoucherDesk } from "../../src/channel/voucher.ts";
import { GLOBAL_ID } from "../../src/quorum/quorum.ts";

const VOUCHERS = 20_000;
const PEER_VOUCHERS = 200;
const MICROSECONDS = 1_000_000;
const CHANNEL = new Address(0, Buffer.alloc(32, 5));
const KEY = keyPairOfSeed(new Uint8Array(32).fill(9));

const vouchers = Array.from({ length: VOUCHERS }, (_, at) => signed(KEY, BigInt(at + 1)));
const desk = new VoucherDesk(CHANNEL, GLOBAL_ID.mainnet, KEY.publicKey);
const ours = perCpuSecond(VOUCHERS, (at) => desk.take(vouchers[at] ?? signed(KEY, 0n), BigInt(VOUCHERS)));
const theirs = perCpuSecond(PEER_VOUCHERS, (at) => {
  const { cumulativeNano, signature } = vouchers[at] ?? signed(KEY, 0n);
  const hash = encodeVoucher(CHANNEL, GLOBAL_ID.mainnet, cumulativeNano).hash();
  if (!signVerify(hash, Buffer.from(signature), Buffer.from(KEY.publicKey))) throw new Error("not signed");
});
process.stdout.write(JSON.stringify({ ours, theirs }));

function signed(key: KeyPair, cumulativeNano: bigint) {
  return signVoucher(key, CHANNEL, GLOBAL_ID.mainnet, cumulativeNano);
}

function perCpuSecond(times: number, check: (at: number) => void): number {
  const before = process.cpuUsage();
  for (let at = 0; at < times; at++) check(at);
  const { user, system } = process.cpuUsage(before);
  return (times * MICROSECONDS) / (user + system);
}
