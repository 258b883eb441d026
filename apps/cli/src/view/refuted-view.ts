/** Work that counted and was refuted since, in sentences: to whoever did it, and to whoever paid for it. */
import { formatPingo, type RefutedWork, shortId } from "@pingo/core";

/** Told one by one; `pingo fog cases` has the rest. */
const TOLD_MAX = 8;

/** To its provider. */
export function takenBackLines(refuted: readonly RefutedWork[]): readonly string[] {
  return told(refuted, ({ providerNano, job, round, unit, verdict }) => {
    const what = `unit ${unit} of round ${round}, job ${shortId(job)}`;
    return `taken back: ${formatPingo(BigInt(providerNano))} for ${what}, which did not come out again; case ${verdict}`;
  });
}

/** To the user of a job. A model has in it what counted in its rounds. */
export function refutedLines(refuted: readonly RefutedWork[], isModel: boolean): readonly string[] {
  if (refuted.length === 0) return [];
  const rounds = [...new Set(refuted.map(({ round }) => round))].sort((a, b) => a - b);
  const since = `the weights since round ${rounds[0]} have in them what it handed in (rounds with refuted work: ${rounds.join(", ")})`;
  return [
    ...told(
      refuted,
      ({ totalNano, provider, round, unit, verdict }) =>
        `refuted    unit ${unit} of round ${round} by ${shortId(provider)} did not come out again, and ${formatPingo(BigInt(totalNano))} are taken back for you; case ${verdict}`,
    ),
    ...(isModel ? [`           ${since}`] : []),
  ];
}

function told(refuted: readonly RefutedWork[], line: (work: RefutedWork) => string): readonly string[] {
  const more = refuted.length - TOLD_MAX;
  return [...refuted.slice(0, TOLD_MAX).map(line), ...(more > 0 ? [`and ${more} more`] : [])];
}
