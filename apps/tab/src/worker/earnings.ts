/** What the fog node's books have for this browser's work: asked after each result that it signed. */
import { type Fetch, type Log, type NodeId, parseShape, zBooksView } from "@pingo/core";

export interface Earnings {
  /** Earned by working since its first day, as decimal nano-PINGO; null until it was told. */
  readonly earnedNano: string | null;
  /** Asks soon; asked again meanwhile, it asks once more. */
  refresh(): void;
}

export interface EarningsOptions {
  readonly fogUrl: string;
  readonly provider: NodeId;
  readonly fetch: Fetch;
  readonly log: Log;
}

const ANSWER_BYTES_MAX = 256 * 1024;
const ANSWER_MS_MAX = 10_000;

export function createEarnings({ fogUrl, provider, fetch, log }: EarningsOptions): Earnings {
  let earnedNano: string | null = null;
  let isAsking = false;
  let isWanted = false;

  const ask = async (): Promise<string> => {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const answer = await fetch(`${fogUrl}/v1/books/${provider}`, { signal });
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.length > ANSWER_BYTES_MAX) throw new Error("the answer has no end");
    }
    return parseShape(zBooksView, JSON.parse(text), "the fog node's books").earnedNano;
  };
  const refresh = async (): Promise<void> => {
    isAsking = true;
    while (isWanted) {
      isWanted = false;
      try {
        earnedNano = await ask();
      } catch (error) {
        // Only a number on the page, and the books keep it: the next result asks again.
        log.debug("earnings_untold", { error: String(error) });
      }
    }
    isAsking = false;
  };
  return {
    get earnedNano() {
      return earnedNano;
    },
    refresh() {
      isWanted = true;
      if (!isAsking) void refresh();
    },
  };
}
