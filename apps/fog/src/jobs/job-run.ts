/**
 * One unfinished job: queued until providers are there, then round after round until its end.
 *
 * Training's reducer decides; this carries its decisions out. Everything that changes the job goes through
 * its mailbox, is durable before anyone is told, and is told in that order.
 */
import {
  assertDefined,
  type Cid,
  isFault,
  type Job,
  type JobEvent,
  type JobId,
  type Lease,
  type LeaseId,
  type LeaseProgress,
  leaseIdOf,
  type NodeId,
  type NumberedEvent,
  reportOf,
  type WorkUnit,
} from "@pingo/core";
import {
  isLeaseHeld,
  type LossCause,
  nextTickMs,
  type RoundAction,
  type RoundEvent,
  type RoundState,
  reduceRound,
  waitingUnits,
} from "@pingo/training";
import { appendEvent } from "../database/event-store.ts";
import { type Evaluated, setEvaluation } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import { persevere, TRIES_MAX } from "../perseverance.ts";
import { reasonOf, whyOf } from "../why-of.ts";
import { type Course, openCourse } from "./course.ts";
import { writeChange } from "./job-change.ts";
import type { JobRunOptions } from "./job-run-options.ts";
import { jobOf } from "./loaded-job.ts";
import { createMailbox } from "./mailbox.ts";
import {
  acknowledgementOf,
  type ReceivedResult,
  recordGrant,
  recordLateResult,
  recordStep,
  toRevoke,
} from "./round-ledger.ts";
import { openOrReplay, type Round } from "./round-opening.ts";
import { type HeldLease, heldOf, progressOf, type WaitingUnit, waitingOf } from "./round-view.ts";

/** A restarted station waits at least this long for providers to come back with the leases they hold. */
const RETURN_MS_MIN = 10_000;

interface Running {
  readonly course: Course;
  round: Round | null;
}

export class JobRun implements AsyncDisposable {
  readonly #options: JobRunOptions;
  readonly #mailbox = createMailbox();
  readonly job: Job;
  #row: JobRow;
  #running: Running | null = null;
  #waitingFor = "";
  #finishing: Promise<void> | undefined;
  readonly #ending = new AbortController();
  /** It ends as failed as soon as that can be written down. */
  #isFailing = false;

  constructor(row: JobRow, options: JobRunOptions) {
    this.#row = row;
    this.job = jobOf(row);
    this.#options = options;
  }

  get row(): JobRow {
    return this.#row;
  }

  get id(): JobId {
    return this.#row.id;
  }

  get isFinished(): boolean {
    return this.#row.finishedUnixMs !== null;
  }

  get isStarted(): boolean {
    return this.#running !== null;
  }

  /** Units that want a provider, with those who failed at them. */
  waiting(connected: ReadonlySet<NodeId>): readonly WaitingUnit[] {
    const { course, round } = this.#running ?? {};
    if (!course || !round || this.isFinished || this.#isFailing) return [];
    return waitingOf(round, connected).map(({ unit, excluded }) => ({
      unit,
      excluded: [...excluded, ...course.barred(unit.index, round.state)],
    }));
  }

  /** @throws {FaultError} why what was delivered cannot be what its unit asked for */
  async check(update: Cid): Promise<void> {
    await this.#running?.course.check(update);
  }

  held(): readonly HeldLease[] {
    return heldOf(this.#running?.round);
  }

  isHeldBy(lease: LeaseId, provider: NodeId): boolean {
    const state = this.#running?.round?.state;
    return state !== undefined && isLeaseHeld(state, lease) && state.leases.get(lease)?.provider === provider;
  }

  /** From queued to running, or on from the last committed round. */
  async start(): Promise<void> {
    await this.#mailbox.run(async () => {
      if (this.isFinished || this.#running) return;
      const course = await openCourse({
        ...this.#options,
        row: this.#row,
        signal: this.#ending.signal,
        onEvaluated: (round, evaluated) => this.#recordEvaluation(round, evaluated),
      });
      for (const root of course.roots) await this.#options.traffic.watch(this.id, root);
      if (this.#row.state !== "running") await this.#change({ state: "running", reason: null });
      // Only now: a start that failed before is tried again from its beginning.
      this.#running = { course, round: null };
      course.resume();
      // The cores belong to the providers once they work; whoever holds a lease already waits for nothing.
      const prepared = this.#row.trainingBeganUnixMs === null ? course.prepare() : undefined;
      if (prepared !== undefined) void prepared.then(() => this.#post(() => this.#goOn()));
      else this.#post(() => this.#goOn());
    });
    // Whoever comes back with a lease now is known.
    await this.#mailbox.idle();
  }

  grant(unit: WorkUnit, provider: NodeId): Promise<void> {
    return this.#mailbox.run(async () => {
      const running = this.#running;
      const round = running?.round;
      const found = round && waitingUnits(round.state, new Set()).find((waits) => waits.unit === unit.index);
      if (!round || round.number !== unit.round || !found || this.isFinished) return;
      const { sql, clock, prng, registry, leaseTtlMs: ttlMs } = this.#options;
      const { attempt } = found;
      const issuedAtUnixMs = clock.nowUnixMs();
      const id = leaseIdOf(prng.bytes(26));
      const lease: Lease = { id, attempt, provider, unit, issuedAtUnixMs, ttlMs, registry };
      const began = this.#row.trainingBeganUnixMs ?? issuedAtUnixMs;
      const written = await recordGrant(sql, lease, this.#row.trainingBeganUnixMs === null);
      this.#row = { ...this.#row, trainingBeganUnixMs: began };
      this.#publish([written]);
      const atMs = clock.monotonicMs();
      await this.#step({
        type: "leased",
        atMs,
        unit: unit.index,
        lease: id,
        provider,
        untilMs: atMs + ttlMs,
      });
      this.#send(lease);
    });
  }

  /** The provider is there and works on it. */
  renew(lease: LeaseId): void {
    const { clock, leaseTtlMs } = this.#options;
    const atMs = clock.monotonicMs();
    this.#post(() => this.#step({ type: "heartbeat", atMs, lease, untilMs: atMs + leaseTtlMs }));
  }

  /** How far a unit has come: told to those who follow now, and forgotten. */
  tell(provider: NodeId, progress: LeaseProgress): void {
    const round = this.#running?.round;
    const event = round && progressOf(round, provider, progress);
    if (event) this.#publish([{ sequence: null, atUnixMs: this.#options.clock.nowUnixMs(), event }]);
  }

  lose(lease: LeaseId, cause: LossCause, reason: string): void {
    const atMs = this.#options.clock.monotonicMs();
    this.#post(() => this.#step({ type: "lost", atMs, lease, cause, reason }));
  }

  /** @returns whether the result counts; once this resolves it is durable */
  deliver(result: ReceivedResult): Promise<boolean> {
    return this.#mailbox.run(async () => {
      const { clock, sql, traffic } = this.#options;
      const { lease, provider, update, steps, rows, lossMean } = result.receipt;
      const delivery = { update, steps, rows, lossMean };
      const round = this.#running?.round;
      if (round?.number === result.round && round.state.leases.has(lease)) {
        const event: RoundEvent = { type: "delivered", atMs: clock.monotonicMs(), lease, provider, delivery };
        const actions = await this.#step(event, result);
        const counted = assertDefined(
          acknowledgementOf(actions, lease),
          `a delivery of ${lease} is answered`,
        );
        if (counted) await traffic.addUpdate(this.id, update);
        return counted;
      }
      const { written, counted } = await recordLateResult(sql, this.id, result, clock.nowUnixMs());
      if (written) this.#publish([written]);
      return counted;
    });
  }

  stop(reason: string): Promise<void> {
    return this.#mailbox.run(async () => {
      if (!this.isFinished) await this.#finish("stopped", reason);
    });
  }

  tick(): void {
    const due = this.#running?.round && nextTickMs(this.#running.round.state);
    const atMs = this.#options.clock.monotonicMs();
    if (typeof due === "number" && due <= atMs) this.#post(() => this.#step({ type: "tick", atMs }));
  }

  /** Says why nobody works on it; told again only when `key` changes. */
  noteWaiting(key: string, reason: string): void {
    if (this.isFinished || key === this.#waitingFor) return;
    this.#waitingFor = key;
    if (key === "") return;
    this.#post(async () => {
      if (this.isFinished) return;
      const { state } = this.#row;
      await this.#change(state === "queued" ? { reason } : {}, { type: "waiting", reason });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new FogError({ code: "STOPPING" }));
    await this.#mailbox.idle();
    await this.#running?.course[Symbol.asyncDispose]();
    await this.#finishing;
    await this.#mailbox.idle();
  }

  /** Opens the next round, or ends the job after its last. */
  async #goOn(): Promise<void> {
    const running = this.#running;
    if (!running || running.round || this.isFinished) return;
    const { course } = running;
    if (course.committed >= this.#row.rounds) return this.#conclude(course);
    const { sql, clock, wake, leaseTtlMs } = this.#options;
    const { round, actions, written } = await openOrReplay(sql, {
      job: this.id,
      number: course.committed + 1,
      retryMax: this.job.retryMax,
      isWhole: course.isWhole,
      atMs: clock.monotonicMs(),
      atUnixMs: clock.nowUnixMs(),
      returnMs: Math.max(leaseTtlMs, RETURN_MS_MIN),
      plan: (number) => {
        const { min, max } = this.job.workers;
        return course.plan(number, Math.max(min, Math.min(max, this.#options.placeable(this))));
      },
    });
    running.round = round;
    this.#publish(written);
    wake();
    this.#carryOut(round.state, actions);
  }

  async #step(event: RoundEvent, result: ReceivedResult | null = null): Promise<readonly RoundAction[]> {
    const round = this.#running?.round;
    if (!round) return [];
    const { sql, clock, wake, fog } = this.#options;
    const { state, actions } = reduceRound(round.state, event);
    const step = { job: this.id, round: round.number, atUnixMs: clock.nowUnixMs(), actions, result, fog };
    const written = await recordStep(sql, step);
    round.state = state;
    this.#publish(written);
    if (actions.length > 0) wake();
    this.#carryOut(state, actions);
    return actions;
  }

  /** Whoever delivered the last unit is answered first: the commit is the mailbox's next task. */
  #carryOut(state: RoundState, actions: readonly RoundAction[]): void {
    this.#revoke(toRevoke(actions));
    if (state.phase !== "open") this.#post(() => this.#act(state, actions));
  }

  #revoke(leases: readonly (HeldLease & { readonly reason: string })[]): void {
    for (const { provider, lease, reason } of leases) {
      this.#options.ask(provider, { type: "revoke", lease, reason }).catch((error: unknown) => {
        // The provider learns it from its next heartbeat.
        this.#options.log.debug("revoke_failed", { lease, provider, why: reportOf(error).message });
      });
    }
  }

  /** Ends the round as its reducer said. May be tried again: what is done already is not done twice. */
  async #act(state: RoundState, actions: readonly RoundAction[]): Promise<void> {
    const running = this.#running;
    if (!running || running.round?.state.phase !== state.phase || this.isFinished) return;
    for (const action of actions) {
      if (action.type === "commit") await this.#commit(running, action);
      if (action.type === "fail") {
        const { unit, attempts, reason } = action;
        await this.#finish("failed", `unit ${unit} failed ${attempts} times; the last time: ${reason}`);
      }
    }
  }

  async #commit(running: Running, { deliveries }: Extract<RoundAction, { type: "commit" }>): Promise<void> {
    const { clock, traffic } = this.#options;
    const bytes = traffic.unsaved(this.id);
    const moment = { row: this.#row, bytes, atUnixMs: clock.nowUnixMs() };
    const { change, written, root } = await running.course.commit(deliveries, moment);
    traffic.saved(this.id, bytes);
    this.#row = { ...this.#row, ...change };
    running.round = null;
    this.#publish([written]);
    this.#post(() => this.#goOn());
    await traffic.watch(this.id, root);
  }

  #recordEvaluation(round: number, evaluated: Evaluated): Promise<void> {
    return this.#mailbox.run(async () => {
      if (this.isFinished) return;
      const { loss, accuracy } = evaluated;
      await setEvaluation(this.#options.sql, { job: this.id, version: round }, evaluated);
      const change = { evaluatedRound: round, evaluatedLoss: loss, evaluatedAccuracy: accuracy };
      await this.#change(change, { type: "evaluated", round, ...evaluated });
    });
  }

  /** Beside the mailbox, which stays open for stops and for the last measurement. */
  #conclude(course: Course): void {
    const end = async (): Promise<void> => {
      if (this.isFinished) return;
      const write = await course.conclude();
      await this.#mailbox.run(async () => {
        if (this.isFinished) return;
        const { state, reason, outcome } = await write(this.#row);
        await this.#finish(state, reason, outcome);
      });
    };
    this.#finishing ??= this.#persevere(end)
      .then(() => undefined)
      .catch((error: unknown) => this.fail(error));
  }

  async #finish(
    state: "succeeded" | "failed" | "stopped",
    reason: string | null,
    outcome: Partial<JobRow> = {},
  ): Promise<void> {
    const { clock, traffic, onFinished, wake, log } = this.#options;
    const bytes = traffic.unsaved(this.id);
    await this.#change(
      {
        ...outcome,
        state,
        reason,
        bytesUp: this.#row.bytesUp + bytes.up,
        bytesDown: this.#row.bytesDown + bytes.down,
        finishedUnixMs: clock.nowUnixMs(),
      },
      { type: "finished", state, reason },
    );
    this.#revoke(this.held().map((held) => ({ ...held, reason: "the job has ended" })));
    if (this.#running) this.#running.round = null;
    traffic.forget(this.id);
    log.info("job_finished", { job: this.id, state, reason });
    onFinished(this);
    wake();
  }

  /** A change of the row and the event that tells it, together. */
  async #change(change: Partial<Omit<JobRow, "id" | "ordinal">>, event?: JobEvent): Promise<void> {
    const { sql, clock } = this.#options;
    const written = await sql.transaction(async (tx) => {
      if (Object.keys(change).length > 0) await writeChange(tx, this.#row, change);
      return event && appendEvent(tx, this.id, clock.nowUnixMs(), event);
    });
    this.#row = { ...this.#row, ...change };
    if (written) this.#publish([written]);
  }

  #publish(events: readonly NumberedEvent[]): void {
    for (const event of events) this.#options.hub.publish(this.id, event);
  }

  #send(lease: Lease): void {
    this.#options.ask(lease.provider, { type: "lease", lease }).catch((error: unknown) => {
      this.lose(lease.id, "fault", `the provider did not take it: ${reportOf(error).message}`);
    });
  }

  /** For nobody in particular: a failure that does not pass is the job's. */
  #post(task: () => Promise<unknown>): void {
    if (this.#ending.signal.aborted) return;
    this.#persevere(() => this.#mailbox.run(task)).catch((error: unknown) => this.fail(error));
  }

  #persevere(task: () => Promise<unknown>, triesMax = TRIES_MAX): Promise<unknown> {
    const { clock, log } = this.#options;
    const { signal } = this.#ending;
    const onFailed = (error: unknown, tries: number): void =>
      log.error("job_stalled", { job: this.id, tries, why: whyOf(error) });
    return persevere(task, { clock, signal, triesMax, onFailed });
  }

  /** What could not be carried out ends the job with a reason, rather than leave it standing. */
  async fail(error: unknown): Promise<void> {
    const isStopping = this.#ending.signal.aborted || (isFault(error) && error.code === "STOPPING");
    if (this.isFinished || this.#isFailing || isStopping) return;
    const { log } = this.#options;
    this.#isFailing = true;
    log.error("job_failed", { job: this.id, why: whyOf(error) });
    const { code, message } = reasonOf(error);
    const end = (): Promise<void> =>
      this.#mailbox.run(async () => {
        if (!this.isFinished) await this.#finish("failed", `${code}: ${message}`);
      });
    try {
      await this.#persevere(end, Number.POSITIVE_INFINITY);
    } catch (again) {
      log.error("job_end_not_written", { job: this.id, why: whyOf(again) });
    }
  }
}
