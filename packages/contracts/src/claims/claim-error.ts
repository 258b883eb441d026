import { FaultError } from "@pingo/core";

export type ClaimFault =
  | { readonly code: "TREE_EMPTY" }
  | { readonly code: "OWNER_LENGTH"; readonly bytes: number }
  | { readonly code: "OWNER_TWICE"; readonly owner: string }
  | { readonly code: "AMOUNT_RANGE"; readonly owner: string; readonly amountNano: bigint };

export class ClaimError extends FaultError<ClaimFault> {
  override readonly name = "ClaimError";

  constructor(fault: ClaimFault) {
    super(fault, {
      TREE_EMPTY: () => "nobody is given anything; post no root for this epoch",
      OWNER_LENGTH: ({ bytes }) => `an owner has ${bytes} bytes; give the 32 of the hash in the address`,
      OWNER_TWICE: ({ owner }) => `owner ${owner} stands there twice; add the amounts up`,
      AMOUNT_RANGE: ({ owner, amountNano }) =>
        `owner ${owner} is given ${amountNano} nano-PINGO; give nothing or more, within the supply`,
    });
  }
}
