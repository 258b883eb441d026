import { Address, beginCell, type Cell } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeResolve, encodeSetAuthorities } from "../claims/distributor.ts";
import { encodeSetKeys } from "../quorum/quorum.ts";
import type { RegistryView } from "../registry/registry.ts";
import { addressOf } from "../testing/index.ts";
import { encodeSetGuardian, encodeSetVotingRules, type GovernanceView } from "./governance.ts";
import { wordsOfOrder } from "./named-parameters.ts";

const RULES = { voteSeconds: 600, timelockSeconds: 600, buildersMin: 1, usersMinNano: 1n };
const PARAMETERS = { providerStakeMinNano: 0n, fogStakeMinNano: 0n, verdictMillionthsMax: 500_000 };
// SAFETY: words are made of rules, guardian and parameters alone.
const STANDING = {
  governance: { rules: RULES, guardian: addressOf("guardian") } as unknown as GovernanceView,
  registry: { parameters: PARAMETERS } as unknown as RegistryView,
};
const QUORUM = addressOf("quorum");
const KEYS = [1, 2, 3].map((n) => new Uint8Array(32).fill(n));

function words(order: Cell): string {
  return wordsOfOrder(order, STANDING).join(", ");
}

test("an order says which root stands or falls, and whose keys and contracts take over", () => {
  expect(words(encodeResolve(0xabn, true))).toMatch(/^the challenged root 0{62}ab is upheld$/);
  expect(words(encodeResolve(0xabn, false))).toMatch(/0{62}ab falls$/);
  expect(words(encodeSetKeys({ threshold: 2, publicKeys: KEYS }))).toBe(
    `the fog nodes' quorum: 2 of ${KEYS.map((key) => Buffer.from(key).toString("hex")).join(" ")}`,
  );
  expect(words(encodeSetAuthorities(QUORUM, Address.parseRaw(`0:${"11".repeat(32)}`)))).toBe(
    `the emission's quorum ${QUORUM.toRawString()} and guardian 0:${"11".repeat(32)}`,
  );
  expect(words(encodeSetVotingRules({ ...RULES, buildersMin: 7 }))).toBe("builders-min 7");
});

test("whatever somebody proposes, there are words for it", () => {
  const known = [
    encodeResolve(1n, true),
    encodeSetKeys({ threshold: 2, publicKeys: KEYS }),
    encodeSetGuardian(QUORUM),
    encodeSetVotingRules(RULES),
  ];
  const cut = fc
    .tuple(fc.constantFrom(...known), fc.nat(1_023))
    .map(([order, bits]) =>
      beginCell().storeBits(order.bits.substring(0, Math.min(bits, order.bits.length))),
    );
  const drawn = fc.uint8Array({ maxLength: 127 }).map((bytes) => beginCell().storeBuffer(Buffer.from(bytes)));
  fc.assert(
    fc.property(fc.oneof(cut, drawn), (builder) => {
      expect(wordsOfOrder(builder.endCell(), STANDING).length).toBeGreaterThan(0);
    }),
  );
  const opcodeAlone = encodeSetGuardian(QUORUM).bits.substring(0, 32);
  expect(words(beginCell().storeBits(opcodeAlone).endCell())).toContain("cannot be read");
});
