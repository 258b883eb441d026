/** Signatures of the quorum's members, as they go from hand to hand: PLACE:HEX, with commas between. */
import { CliError } from "../cli-error.ts";
import type { QuorumSignature } from "../local/quorum-call.ts";

const SIGNATURE = /^(\d{1,2}):([0-9a-f]{128})$/;

/** @throws {CliError} OPTION_INVALID */
export function parseSignatures(text: string): readonly QuorumSignature[] {
  return text
    .split(",")
    .filter(Boolean)
    .map((one) => {
      const [, place, hex] = SIGNATURE.exec(one.trim()) ?? [];
      if (place !== undefined && hex !== undefined)
        return [Number(place), new Uint8Array(Buffer.from(hex, "hex"))] as const;
      const expected = "what another member's command prints: PLACE:HEX";
      throw new CliError({
        code: "OPTION_INVALID",
        option: "--signature",
        value: one.slice(0, 80),
        expected,
      });
    });
}

export function signatureText([place, signature]: QuorumSignature): string {
  return `${place}:${Buffer.from(signature).toString("hex")}`;
}
