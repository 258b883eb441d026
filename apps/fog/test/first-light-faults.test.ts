/** What first light must survive, in the main job's own shape: real processes, real digits, kill -9. */
import { expect, test } from "vitest";
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
