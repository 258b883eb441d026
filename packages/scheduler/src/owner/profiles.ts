/**
 * Three policies to start from.
 *
 * SOURCE: BOINC's preferences and HTCondor's POLICY:DESKTOP, with what their users ask for most: separate limits in
 * use and idle, core by core, a grace period, a stricter way back (BOINC #41, #1590, #6483). The way back starts short and
 * doubles, since most of a desktop's idle time lies in short gaps.
 */
import type { OwnerPolicy, ProfileName } from "./policy.ts";
import { ANY_SIZE } from "./size.ts";

const MINUTE_MS = 60_000;

const shared = {
  vacateAfterMs: 10 * MINUTE_MS,
  windows: [],
  tariff: { cheap: [], dearShare: 1 },
  applications: [],
  size: ANY_SIZE,
  priceNanoPerCpuHour: 0n,
} as const;

export const PROFILES: { readonly [P in ProfileName]: OwnerPolicy } = {
  gentle: {
    ...shared,
    profile: "gentle",
    idleAfterMs: 5 * MINUTE_MS,
    inUse: { coreShareMax: 0.5, memoryShareMax: 0.25, toleratedMillicores: 150 },
    idle: { coreShareMax: 1, memoryShareMax: 0.5, toleratedMillicores: 250 },
    graceMs: 0,
    calmMs: { min: 500, max: 30_000 },
    battery: { isAllowed: false, chargeMin: 0.9 },
    temperature: { stopCelsius: 80, resumeCelsius: 70 },
    onFullScreen: "suspend",
    onMetered: "no-transfers",
    reclaimNoticeMs: 0,
  },
  balanced: {
    ...shared,
    profile: "balanced",
    idleAfterMs: 3 * MINUTE_MS,
    inUse: { coreShareMax: 0.75, memoryShareMax: 0.35, toleratedMillicores: 300 },
    idle: { coreShareMax: 1, memoryShareMax: 0.6, toleratedMillicores: 400 },
    graceMs: 1_000,
    calmMs: { min: 500, max: 10_000 },
    battery: { isAllowed: false, chargeMin: 0.5 },
    temperature: { stopCelsius: 85, resumeCelsius: 75 },
    onFullScreen: "suspend",
    onMetered: "no-transfers",
    reclaimNoticeMs: 0,
  },
  dedicated: {
    ...shared,
    profile: "dedicated",
    idleAfterMs: 0,
    inUse: { coreShareMax: 1, memoryShareMax: 0.8, toleratedMillicores: 900 },
    idle: { coreShareMax: 1, memoryShareMax: 0.8, toleratedMillicores: 900 },
    graceMs: 10_000,
    calmMs: { min: 500, max: 5_000 },
    battery: { isAllowed: true, chargeMin: 0.2 },
    temperature: { stopCelsius: 90, resumeCelsius: 80 },
    onFullScreen: "ignore",
    onMetered: "ignore",
    reclaimNoticeMs: 60 * MINUTE_MS,
  },
};
