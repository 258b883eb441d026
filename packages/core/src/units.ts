/**
 * Quantities as people write them, and as we keep them: bigint nano-PINGO, millicores, bytes, milliseconds.
 */
import { FaultError, type Sentences } from "./fault.ts";

export type UnitFault = {
  readonly code: "QUANTITY_INVALID";
  readonly text: string;
  readonly expected: string;
};

const SENTENCES: Sentences<UnitFault> = {
  QUANTITY_INVALID: (f) => `"${f.text}" is not ${f.expected}`,
};

export class UnitError extends FaultError<UnitFault> {
  override readonly name = "UnitError";
  constructor(fault: UnitFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

export const NANO_PER_PINGO = 1_000_000_000n;

/** "5 PINGO", "0.25 PINGO" → nano-PINGO. */
export function parsePingo(text: string): bigint {
  const match = /^(\d{1,10})(?:\.(\d{1,9}))? PINGO$/.exec(text.trim());
  if (!match) throw invalid(text, 'an amount such as "5 PINGO" or "0.25 PINGO" (at most 9 decimals)');
  const [, whole = "0", decimals = ""] = match;
  return BigInt(whole) * NANO_PER_PINGO + BigInt(decimals.padEnd(9, "0"));
}

export function formatPingo(nano: bigint): string {
  const sign = nano < 0n ? "-" : "";
  const absolute = nano < 0n ? -nano : nano;
  const decimals = (absolute % NANO_PER_PINGO).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${absolute / NANO_PER_PINGO}${decimals ? `.${decimals}` : ""} PINGO`;
}

/** "1000m" or "1.5" cores → millicores. */
export function parseMillicores(text: string): number {
  const milli = /^(\d{1,9})m$/.exec(text);
  if (milli) return Number(milli[1]);
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Math.round(Number(text) * 1000);
  throw invalid(text, 'a number of cores such as "500m" or "2"');
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** "512Mi", "2G", "100" → bytes. */
export function parseBytes(text: string): number {
  const match = /^(\d{1,12})(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
  const bytes = match ? Number(match[1]) * (BYTE_UNITS[match[2] ?? ""] ?? Number.NaN) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw invalid(text, 'a size such as "512Mi" or "2G"');
  return bytes;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`;
}

/** "1 core", "2.5 cores" */
export function formatCores(millicores: number): string {
  return `${millicores / 1_000} ${millicores === 1_000 ? "core" : "cores"}`;
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };

/** "500ms", "30s", "5m", "2h", "1d" → milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) throw invalid(text, 'a duration such as "30s", "5m" or "2h"');
  return Number(match[1]) * (MS_PER_UNIT[match[2] ?? ""] ?? Number.NaN);
}

/** "50%" → 0.5 */
export function parseShare(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text.trim());
  const share = match ? Number(match[1]) / 100 : Number.NaN;
  if (!(share <= 1)) throw invalid(text, 'a share from "0%" to "100%"');
  return share;
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function invalid(text: string, expected: string): UnitError {
  return new UnitError({ code: "QUANTITY_INVALID", text: text.slice(0, 40), expected });
}
