/** What is asked of a certificate on chain: by anyone when its time is over, by its owner at any time. */
import type { CertificateView } from "@pingo/contracts";
import type { Context } from "../context.ts";
import { OrderError } from "./order-error.ts";
import { openOwnChain } from "./own-chain.ts";

const ASK_NANOGRAM = 50_000_000n;

/** Anyone's. @param owner workchain:hex; this home's wallet unless given. @throws {OrderError}; {CliError} NO_ADDRESS_BOOK, NO_WALLET, GRAM_MISSING, REFUSED_ON_CHAIN */
export async function lapseCertificate(
  context: Context,
  owner: string | undefined,
): Promise<{ readonly owner: string; readonly revokedAtUnixS: number }> {
  const { chain, certificate, view, ...of } = await openCertificate(context, owner);
  const { validUntilUnixS, revokedAtUnixS } = view;
  if (revokedAtUnixS > 0)
    throw new OrderError({ code: "CERTIFICATE_REVOKED", owner: of.owner, atUnixS: revokedAtUnixS });
  if (validUntilUnixS >= (await chain.client.nowUnixS(context.signal)))
    throw new OrderError({ code: "CERTIFICATE_STANDS", owner: of.owner, validUntilUnixS });
  const { encodeLapse } = await import("@pingo/contracts");
  const after = await chain.ask({
    what: "the certificate's lapse",
    messages: [{ to: certificate.address, valueNanogram: ASK_NANOGRAM, body: encodeLapse() }],
    async look() {
      const now = await chain.client.open(certificate).getView();
      return now !== null && now.revokedAtUnixS > 0 ? now.revokedAtUnixS : undefined;
    },
  });
  return { owner: of.owner, revokedAtUnixS: after };
}

/** The owner's: it is theirs no more, and its GRAM comes home. @throws as {@link lapseCertificate} */
export async function destroyCertificate(context: Context): Promise<{ readonly owner: string }> {
  const { chain, certificate, owner } = await openCertificate(context, undefined);
  const { encodeDestroy } = await import("@pingo/contracts");
  const at = chain.client.open(certificate);
  if ((await at.getOwner()) === null) throw new OrderError({ code: "NO_CERTIFICATE_OF", owner });
  await chain.ask({
    what: "the certificate's end",
    messages: [{ to: certificate.address, valueNanogram: ASK_NANOGRAM, body: encodeDestroy() }],
    look: async () => (await at.getOwner()) === null || undefined,
  });
  return { owner };
}

/** The owner's: GRAM beyond its rent comes home. @returns what the certificate keeps */
export async function takeExcess(
  context: Context,
): Promise<{ readonly owner: string; readonly keptNanogram: bigint }> {
  const { chain, certificate, owner } = await openCertificate(context, undefined);
  const { encodeTakeExcess } = await import("@pingo/contracts");
  const { address: to } = certificate;
  return chain.ask({
    what: "the certificate's GRAM",
    messages: [{ to, valueNanogram: ASK_NANOGRAM, body: encodeTakeExcess() }],
    async look(answers) {
      if (!answers.some(({ inMessage }) => inMessage?.from?.equals(to))) return undefined;
      return { owner, keptNanogram: (await chain.client.account(to, context.signal)).balanceNanogram };
    },
  });
}

async function openCertificate(context: Context, owner: string | undefined) {
  const chain = await openOwnChain(context);
  const { Certificate } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const of = owner ?? (await chain.ownAddress());
  const collection = Address.parseRaw(chain.addressOf("certificates"));
  const certificate = new Certificate(Address.parseRaw(of), collection);
  const view: CertificateView | null = await chain.client.open(certificate).getView();
  if (view === null) throw new OrderError({ code: "NO_CERTIFICATE_OF", owner: of });
  return { chain, certificate, view, owner: of };
}
