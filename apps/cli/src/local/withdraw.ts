/** A certificate revoked before its time: by the quorum that issued it. */
import type { Context } from "../context.ts";
import { OrderError } from "./order-error.ts";
import { openOwnChain } from "./own-chain.ts";
import { executeCall, type QuorumSignature, quorumCall, signCall } from "./quorum-call.ts";

/** @param owner workchain:hex. @throws {OrderError} NO_CERTIFICATE_OF, CERTIFICATE_REVOKED; {CliError} NO_FOG_KEY, QUORUM_NOT_OURS */
export async function signWithdrawal(context: Context, owner: string): Promise<QuorumSignature> {
  const { chain, call } = await openWithdrawal(context, owner);
  return signCall(context, chain, call);
}

/** @throws as {@link signWithdrawal}; {RewardError} SIGNATURES_MISSING; {CliError} NO_WALLET, GRAM_MISSING, REFUSED_ON_CHAIN */
export async function withdrawCertificate(
  context: Context,
  owner: string,
  others: readonly QuorumSignature[],
): Promise<{ readonly revokedAtUnixS: number }> {
  const { chain, call, collection, certificate } = await openWithdrawal(context, owner);
  const message = await executeCall(context, chain, {
    call,
    others,
    sign: `pingo fog withdraw ${owner} --sign`,
  });
  const revokedAtUnixS = await chain.ask({
    what: "the certificate's revocation",
    messages: [message],
    through: [collection],
    look: async () => (await chain.client.open(certificate).getView())?.revokedAtUnixS || undefined,
  });
  return { revokedAtUnixS };
}

async function openWithdrawal(context: Context, owner: string) {
  const chain = await openOwnChain(context);
  const { Certificate, encodeWithdraw } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const collection = Address.parseRaw(chain.addressOf("certificates"));
  const of = Address.parseRaw(owner);
  const certificate = new Certificate(of, collection);
  const view = await chain.client.open(certificate).getView();
  if (view === null) throw new OrderError({ code: "NO_CERTIFICATE_OF", owner });
  if (view.revokedAtUnixS > 0)
    throw new OrderError({ code: "CERTIFICATE_REVOKED", owner, atUnixS: view.revokedAtUnixS });
  const call = await quorumCall(context, chain, { target: collection, order: encodeWithdraw(of) });
  return { chain, call, collection, certificate };
}
