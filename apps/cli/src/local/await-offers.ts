/** Waits until the providers that were started offer work: they measure themselves and warm their workers first. */
import type { Clock } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";

const LOOK_MS = 50;
/** A network in which some never come to it is worked with as it is. */
const OFFERS_MS_MAX = 15_000;

export async function awaitOffers(
  client: Pick<FogClient, "providers">,
  count: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const endMs = clock.monotonicMs() + OFFERS_MS_MAX;
  while (clock.monotonicMs() < endMs) {
    const providers = await client.providers({ signal });
    if (providers.filter(({ connected, slots }) => connected && slots > 0).length >= count) return;
    await clock.sleep(LOOK_MS, { signal });
  }
}
