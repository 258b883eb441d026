/** Audits of accepted work put together, where the station is set to do them. */
import type { FogConfig } from "../config.ts";
import { Audits, type AuditsOptions } from "./audits.ts";

export interface OpenAuditsOptions extends Omit<AuditsOptions, "rateMin" | "ending"> {
  readonly config: Pick<FogConfig, "auditRateMin">;
}

export function openAudits({ config, ...options }: OpenAuditsOptions): Audits | undefined {
  const { auditRateMin: rateMin } = config;
  return rateMin === undefined
    ? undefined
    : new Audits({ ...options, rateMin, ending: new AbortController() });
}
