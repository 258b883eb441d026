/** What first light must survive, in the main job's own shape: real processes, real digits, kill -9. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { parseShape } from "@pingo/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { DigitsNetwork, eventsOf, hasDigits } from "./digits-network.ts";

const ROUNDS = 4;
/** Fewer rounds than the example: 97 % undisturbed. */
const SHORT = { "rounds: 6": `rounds: ${ROUNDS}` };
const ACCURACY_MIN = 0.95;

const everyRoundOnce = Array.from({ length: ROUNDS }, (_, index) => index + 1);

test.skipIf(!hasDigits())(
  "kill -9 of one of three providers in mid-round: the job finishes, the accuracy holds",
  async () => {
    await using network = await DigitsNetwork.start(3);
    // A unit of some seconds: the kill lands in the middle of it, however fast the engine is.
    const job = await network.submit({ ...SHORT, "stepsPerRound: 240": "stepsPerRound: 360" });
    const progress = await network.until(job, (event) => event.type === "progress" && event.round === 2);
    const victim = network.providers.find(
      ({ id }) => progress.type === "progress" && progress.provider === id,
    );
    await victim?.kill();
    await network.until(job, (event) => event.type === "finished");
    const view = await network.show(job);
    expect(view, network.fog.logged()).toMatchObject({ state: "succeeded", round: ROUNDS });
    expect(view.evaluation?.accuracy).toBeGreaterThan(ACCURACY_MIN);
    const lost = eventsOf(network, "lost").find(({ provider }) => provider === victim?.id);
    expect(lost?.round).toBe(2);
    // Another took the unit over in the same round, or the round had its quorum and did without.
    const counted = eventsOf(network, "delivered").filter(
      (event) => event.counted && event.round === 2 && event.unit === lost?.unit,
    );
    expect(counted.every(({ provider }) => provider !== victim?.id)).toBe(true);
    expect(counted.length).toBeLessThanOrEqual(1);
    expect(eventsOf(network, "committed").map(({ round }) => round)).toEqual(everyRoundOnce);
  },
);

test.skipIf(!hasDigits())(
  "kill -9 of the fog node in mid-round: the job resumes, and nothing acknowledged is lost",
  async () => {
    await using network = await DigitsNetwork.start(3);
    const job = await network.submit(SHORT);
    const delivered = await network.until(job, (event) => event.type === "delivered" && event.round === 2);
    await network.restartFog();
    await network.until(job, (event) => event.type === "finished");
    const view = await network.show(job);
    expect(view, network.fog.logged()).toMatchObject({ state: "succeeded", round: ROUNDS });
    expect(view.evaluation?.accuracy).toBeGreaterThan(ACCURACY_MIN);
    // No round twice, none left out, and the one that was open was not begun again.
    expect(eventsOf(network, "committed").map(({ round }) => round)).toEqual(everyRoundOnce);
    expect(eventsOf(network, "round-started").map(({ round }) => round)).toEqual(everyRoundOnce);
    // What was acknowledged before counted once, and nobody was asked for it again.
    const ofUnit = eventsOf(network, "delivered").filter(
      ({ round, unit }) => delivered.type === "delivered" && round === 2 && unit === delivered.unit,
    );
    expect(ofUnit.filter(({ counted }) => counted)).toHaveLength(1);
    expect(network.events.map(({ sequence }) => sequence)).toEqual(
      network.events.map((_, index) => index + 1),
    );
  },
);

/**
 * Longer than all that waits for the other side on this road: a lease 3 s here (PINGO_FOG_LEASE_TTL_MS), a greeting 10 s, a silent
 * channel and a request 15 s, a block 30 s; whoever looks for a fog node tries again within 5 s.
 */
const OUTAGE_MS = 35_000;
const OUTAGE_TEST_MS_MAX = 600_000;
const zPresence = z.object({ providers: z.array(z.object({ connected: z.boolean() })) });

test.skipIf(!hasDigits())(
  "the network falls silent for longer than anybody waits, then breaks, then a computer sleeps: the job ends as well, nothing done is lost or counted twice",
  async () => {
    await using network = await DigitsNetwork.start(2, { isSeverable: true });
    const { link, providers } = network;
    const connected = async () => {
      const answer: unknown = await (await fetch(`${network.fog.url}/v1/providers`)).json();
      return parseShape(zPresence, answer, "who is there").providers.filter((one) => one.connected).length;
    };
    const back = () => expect.poll(connected, { timeout: 60_000 }).toBe(providers.length);
    const job = await network.submit({
      ...SHORT,
      "stepsPerRound: 240": "stepsPerRound: 360",
      "max: 5": "max: 30",
    });

    await network.until(job, (event) => event.type === "progress" && event.round === 1);
    link.cut("silent");
    const begunMs = performance.now();
    await network.until(job, (event) => event.type === "lost");
    await expect.poll(connected, { timeout: 60_000 }).toBe(0);
    await pause(Math.max(0, OUTAGE_MS - (performance.now() - begunMs)));
    link.mend();
    await back();

    await network.until(job, (event) => event.type === "progress" && event.round === 2);
    link.cut("reset");
    await expect.poll(connected, { timeout: 60_000 }).toBe(0);
    link.mend();
    await back();

    const progress = await network.until(job, (event) => event.type === "progress" && event.round === 3);
    const sleeper = providers.find(({ id }) => progress.type === "progress" && progress.provider === id);
    await sleeper?.signalAll("SIGSTOP");
    await network.until(job, (event) => event.type === "lost" && event.provider === sleeper?.id);
    await sleeper?.signalAll("SIGCONT");

    await network.until(job, (event) => event.type === "finished");
    const view = await network.show(job);
    expect(view, network.fog.logged()).toMatchObject({ state: "succeeded", round: ROUNDS });
    expect(view.evaluation?.accuracy).toBeGreaterThan(ACCURACY_MIN);
    expect(eventsOf(network, "committed").map(({ round }) => round)).toEqual(everyRoundOnce);
    const counted = eventsOf(network, "delivered").filter((delivered) => delivered.counted);
    expect(new Set(counted.map(({ round, unit }) => `${round}/${unit}`)).size).toBe(counted.length);
    // Whatever was signed has been acknowledged, counted or not.
    await back();
    for (const { folder } of providers)
      await expect.poll(() => waitingIn(folder), { timeout: 60_000 }).toBe(0);
  },
  OUTAGE_TEST_MS_MAX,
);

/** Results that no fog node has acknowledged. */
function waitingIn(folder: string): number {
  using outbox = new DatabaseSync(join(folder, "outbox.sqlite"), { readOnly: true });
  return Number(outbox.prepare("SELECT count(*) AS waiting FROM finished").get()?.["waiting"]);
}
