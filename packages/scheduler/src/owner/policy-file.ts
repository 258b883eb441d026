/**
 * The policy file: what an owner writes, read with the place of every mistake.
 *
 * Whatever it leaves out is the profile's. Durations as "30s" or "5m", shares as "50%", windows as "mon-fri 18:00-08:00".
 */
import {
  FaultError,
  LIMITS,
  parseBytes,
  parseDuration,
  parseMillicores,
  parsePingo,
  parseShare,
} from "@pingo/core";
import { quantity, readWritten, type WrittenFault, writtenSentences } from "@pingo/core/written";
import { z } from "zod";
import type { OwnerPolicy } from "./policy.ts";
import { PROFILES } from "./profiles.ts";
import { type OwnerSize, zSizeDisk, zSizeMemory, zSizeMillicores } from "./size.ts";
import { parseWindows } from "./week.ts";

export type PolicyFileFault = WrittenFault<"POLICY">;

const SENTENCES = writtenSentences("POLICY");

export class PolicyFileError extends FaultError<PolicyFileFault> {
  override readonly name = "PolicyFileError";
  constructor(fault: PolicyFileFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

const zDuration = quantity(parseDuration);
const zShare = quantity(parseShare);
const zWindows = z
  .array(quantity(parseWindows))
  .max(LIMITS.policyWindowsMax)
  .transform((lists) => lists.flat());
const zCelsius = z.number().min(20).max(120);

const zLimits = z.strictObject({
  cores: zShare.optional(),
  memory: zShare.optional(),
  tolerate: quantity(parseMillicores).optional(),
});

const zSize = z.strictObject({
  cores: quantity(parseMillicores).pipe(zSizeMillicores).optional(),
  memory: quantity(parseBytes).pipe(zSizeMemory).optional(),
  disk: quantity(parseBytes).pipe(zSizeDisk).optional(),
});

const zPolicyFile = z.strictObject({
  profile: z.enum(["gentle", "balanced", "dedicated"]).default("gentle"),
  idleAfter: zDuration.optional(),
  inUse: zLimits.optional(),
  idle: zLimits.optional(),
  grace: zDuration.optional(),
  calm: z
    .strictObject({ from: zDuration, to: zDuration })
    .refine(({ from, to }) => from <= to, { error: '"to" is shorter than "from"', path: ["to"] })
    .optional(),
  vacateAfter: zDuration.optional(),
  windows: zWindows.optional(),
  tariff: z.strictObject({ cheap: zWindows, otherwise: zShare.default(0) }).optional(),
  battery: z.strictObject({ run: z.boolean(), above: zShare.optional() }).optional(),
  temperature: z
    .strictObject({ stop: zCelsius, resume: zCelsius })
    .refine(({ stop, resume }) => resume < stop, { error: '"resume" is not below "stop"', path: ["resume"] })
    .optional(),
  fullScreen: z.enum(["suspend", "ignore"]).optional(),
  applications: z.array(z.string().min(1).max(256)).max(LIMITS.policyApplicationsMax).optional(),
  metered: z.enum(["no-transfers", "ignore"]).optional(),
  reclaimNotice: zDuration
    .refine((ms) => ms <= LIMITS.reclaimNoticeMsMax, { error: "longer than 30 days" })
    .optional(),
  size: zSize.optional(),
  price: quantity(parsePrice).optional(),
});

type PolicyFile = z.output<typeof zPolicyFile>;

/**
 * @param file the name that problems are reported under
 * @throws {PolicyFileError} the first problem
 */
export function parsePolicyFile(text: string, file: string): OwnerPolicy {
  const kind = {
    prefix: "POLICY",
    schema: zPolicyFile,
    bytesMax: LIMITS.policyFileBytesMax,
    what: "a policy file",
  } as const;
  const { value, problems } = readWritten(text.trim() === "" ? "{}" : text, file, kind);
  const [problem] = problems;
  if (problem) throw new PolicyFileError(problem);
  return policyOf(value ?? { profile: "gentle" });
}

function policyOf(file: PolicyFile): OwnerPolicy {
  const base = PROFILES[file.profile];
  const { battery, calm, tariff, temperature } = file;
  const limitsOf = (which: "inUse" | "idle") => {
    const { cores, memory, tolerate } = file[which] ?? {};
    return {
      coreShareMax: cores ?? base[which].coreShareMax,
      memoryShareMax: memory ?? base[which].memoryShareMax,
      toleratedMillicores: tolerate ?? base[which].toleratedMillicores,
    };
  };
  return {
    profile: file.profile,
    idleAfterMs: file.idleAfter ?? base.idleAfterMs,
    inUse: limitsOf("inUse"),
    idle: limitsOf("idle"),
    graceMs: file.grace ?? base.graceMs,
    calmMs: calm ? { min: calm.from, max: calm.to } : base.calmMs,
    vacateAfterMs: file.vacateAfter ?? base.vacateAfterMs,
    windows: file.windows ?? base.windows,
    tariff: tariff ? { cheap: tariff.cheap, dearShare: tariff.otherwise } : base.tariff,
    battery: battery
      ? { isAllowed: battery.run, chargeMin: battery.above ?? base.battery.chargeMin }
      : base.battery,
    temperature: temperature
      ? { stopCelsius: temperature.stop, resumeCelsius: temperature.resume }
      : base.temperature,
    onFullScreen: file.fullScreen ?? base.onFullScreen,
    applications: file.applications ?? base.applications,
    onMetered: file.metered ?? base.onMetered,
    reclaimNoticeMs: file.reclaimNotice ?? base.reclaimNoticeMs,
    size: sizeOf(file.size),
    priceNanoPerCpuHour: file.price ?? base.priceNanoPerCpuHour,
  };
}

function sizeOf({ cores, memory, disk }: PolicyFile["size"] & object = {}): OwnerSize {
  return { millicores: cores ?? null, memoryBytes: memory ?? null, diskBytes: disk ?? null };
}

/** "0.02 PINGO", of an hour of a core. */
function parsePrice(text: string): bigint {
  return text.trim() === "0" ? 0n : parsePingo(text);
}
