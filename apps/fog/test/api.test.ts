import { once } from "node:events";
import { createServer } from "node:net";
import {
  encodeCanonical,
  keyPairOfSeed,
  LIMITS,
  type NumberedEvent,
  parseShape,
  STOP_DOMAIN,
  signValue,
  zErrorBody,
  zJobView,
  zNumberedEvent,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { expect, test } from "vitest";
import { failToStart, fogOfFile, makePlace } from "./fog-process.ts";
import { NOWHERE, postCbor, signJob, submit, uploadTinyJob } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));
const here = fogOfFile();

async function refusal(answer: Response): Promise<{ readonly status: number; readonly code: string }> {
  const { code, message } = parseShape(zErrorBody, await answer.json(), "the error").error;
  expect(message).not.toMatch(/\n|at .*\.ts/);
  return { status: answer.status, code };
}

async function readEvents(job: string, lastEventId: number, count: number): Promise<NumberedEvent[]> {
  const leaving = new AbortController();
  const headers = { "last-event-id": String(lastEventId) };
  const answer = await fetch(`${here.fog.url}/v1/jobs/${job}/events`, { headers, signal: leaving.signal });
  const events: NumberedEvent[] = [];
  let text = "";
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data) events.push(parseShape(zNumberedEvent, JSON.parse(data), "an event"));
    }
    if (events.length >= count) break;
  }
  leaving.abort();
  return events;
}

test("says who it is and that it is well", async () => {
  expect(await (await fetch(`${here.fog.url}/v1/node`)).json()).toEqual(here.fog.node);
  expect(await (await fetch(`${here.fog.url}/healthz`)).json()).toEqual({ ok: true });
  expect(await (await fetch(`${here.fog.url}/v1/providers`)).json()).toEqual({ providers: [] });
});

test("bad submissions are refused with a code and change nothing", async () => {
  const job = await uploadTinyJob(here.fog.url);
  const signed = signJob(job, owner);
  const cases: readonly (readonly [Response, number, string])[] = [
    [await postCbor(`${here.fog.url}/v1/jobs`, Uint8Array.of(0xff, 0)), 400, "VALUE_MALFORMED"],
    [await submit(here.fog.url, { ...signed, body: { ...signed.body, more: 1 } }), 400, "SHAPE_INVALID"],
    [await submit(here.fog.url, signed.body), 400, "SHAPE_INVALID"],
    [await submit(here.fog.url, { ...signed, signature: new Uint8Array(64) }), 401, "SIGNATURE_INVALID"],
    [await submit(here.fog.url, { ...signed, signer: here.fog.node.id }), 401, "SIGNATURE_INVALID"],
    [await submit(here.fog.url, signJob({ ...job, model: NOWHERE }, owner)), 409, "BLOCK_MISSING"],
    [await submit(here.fog.url, signJob({ ...job, model: job.data.train }, owner)), 422, "DAG_MALFORMED"],
    [
      await postCbor(`${here.fog.url}/v1/jobs`, new Uint8Array(LIMITS.httpBodyBytesMax + 1)),
      413,
      "BODY_TOO_LARGE",
    ],
    [await fetch(`${here.fog.url}/v1/jobs`, { method: "POST", body: "{}" }), 415, "MEDIA_TYPE_REFUSED"],
    [await fetch(`${here.fog.url}/v1/jobs/${NOWHERE}`), 404, "JOB_UNKNOWN"],
    [await fetch(`${here.fog.url}/v1/jobs/${NOWHERE}/escrow`), 404, "JOB_UNKNOWN"],
    [await fetch(`${here.fog.url}/v1/jobs/nonsense`), 400, "CID_INVALID"],
    [await fetch(`${here.fog.url}/v1/nowhere`), 404, "ROUTE_UNKNOWN"],
    [await fetch(`${here.fog.url}/v1/jobs/%ff`), 400, "REQUEST_MALFORMED"],
  ];
  for (const [answer, status, code] of cases) expect(await refusal(answer)).toEqual({ status, code });
  expect(await (await fetch(`${here.fog.url}/v1/jobs`)).json()).toEqual({ jobs: [] });
});

test("the same signed job twice is one job; only its owner stops it; its events are replayed", async () => {
  const signed = signJob(await uploadTinyJob(here.fog.url), owner);
  const [first, second] = await Promise.all([submit(here.fog.url, signed), submit(here.fog.url, signed)]);
  const job = parseShape(zJobView, await first.json(), "the job");
  expect(parseShape(zJobView, await second.json(), "the job").id).toBe(job.id);
  const [accepted, waiting] = await readEvents(job.id, 0, 2);
  expect(accepted).toMatchObject({ sequence: 1, event: { type: "accepted", name: "tiny", rounds: 3 } });
  expect(waiting).toMatchObject({ sequence: 2, event: { type: "waiting" } });

  const stopUrl = `${here.fog.url}/v1/jobs/${job.id}/stop`;
  const stranger = keyPairOfSeed(systemPrng.bytes(32));
  const byStranger = encodeCanonical(signValue(STOP_DOMAIN, { job: job.id }, stranger));
  expect(await refusal(await postCbor(stopUrl, byStranger))).toEqual({ status: 403, code: "NOT_OWNER" });
  const byOwner = encodeCanonical(signValue(STOP_DOMAIN, { job: job.id }, owner));
  const stopped = parseShape(zJobView, await (await postCbor(stopUrl, byOwner)).json(), "the job");
  expect(stopped).toMatchObject({ state: "stopped", reason: "stopped by its owner" });
  const eventsUrl = `${here.fog.url}/v1/jobs/${job.id}/events`;
  for (const id of ["2147483648", "9007199254740991", "-1", "1.5", "latest"]) {
    const answer = await fetch(eventsUrl, { headers: { "last-event-id": id } });
    expect(await refusal(answer)).toEqual({ status: 400, code: "REQUEST_MALFORMED" });
  }
  const past = await fetch(eventsUrl, { headers: { "last-event-id": "2147483647" } });
  expect(past.status).toBe(200);
  await past.body?.cancel();
  expect(here.fog.logged()).not.toContain("event_stream_failed");
  const replayed = await readEvents(job.id, 2, 1);
  expect(replayed).toMatchObject([{ sequence: 3, event: { type: "finished", state: "stopped" } }]);
});

test("a second process on the same folder and one on a taken port refuse to start", async () => {
  const elsewhere = { PINGO_FOG_HTTP: "127.0.0.1:0", PINGO_FOG_P2P: "/ip4/127.0.0.1/tcp/0" };
  expect((await failToStart({ ...here.place.env, ...elsewhere })).code).toBe("FOLDER_IN_USE");
  expect((await failToStart({ ...here.place.env, PINGO_FOG_HTTTP: "1" })).code).toBe("SETTING_UNKNOWN");
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  await using other = await makePlace();
  const port = typeof address === "object" ? address?.port : 0;
  const fault = await failToStart({ ...other.env, PINGO_FOG_HTTP: `127.0.0.1:${port}` });
  expect(fault.code).toBe("PORT_IN_USE");
  expect(fault.message).toContain("PINGO_FOG_HTTP");
  taken.close();
});
