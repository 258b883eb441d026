/** The script of index.html: the owner's choices and what is seen go to the worker, what it says is shown. */
import type { TabPolicy, TabSignals } from "../lend-decision.ts";
import type { TabStatus } from "../protocol.ts";
import type { Battery, LendWorker, Page } from "./dom.ts";
import { keepPolicy, readPolicy } from "./kept-policy.ts";
import { byId, show } from "./show.ts";

declare const Worker: new (url: URL, options: { readonly type: "module" }) => LendWorker;
/** Set by the build. */
declare const WASM_NAME: string;

// SAFETY: this script runs in the page that loads it.
const page = globalThis as unknown as Page;
const { document, location, localStorage, navigator } = page;

if (page.isSecureContext) await lend();
else {
  const problem =
    "A browser keeps keys only for pages of https or of this computer itself: open this page at such an address.";
  show(document, idle("failed", problem));
}

async function lend(): Promise<void> {
  const cores = Math.max(1, navigator.hardwareConcurrency);
  const battery = await navigator.getBattery?.().catch(() => undefined);
  const machine = { cores, canSeePower: battery !== undefined };
  let policy = readPolicy(localStorage, machine);
  // Bundlers look for exactly this expression.
  const worker: LendWorker = new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" });
  const tell = (): void =>
    worker.postMessage({
      policy,
      signals: signalsOf(battery),
      fogUrl: location.origin,
      wasmUrl: new URL(WASM_NAME, location.href).href,
    });
  const choose = (change: Partial<TabPolicy>): void => {
    policy = { ...policy, ...change };
    keepPolicy(localStorage, policy);
    showChoices(policy, cores);
    tell();
  };
  worker.onmessage = ({ data }) => show(document, data);
  worker.onerror = ({ message = "its script did not load" }) => show(document, idle("failed", message));
  showChoices(policy, cores);
  byId(document, "toggle").onclick = () => choose({ isPaused: !policy.isPaused });
  byId(document, "mains").onchange = () => choose({ needsMains: byId(document, "mains").checked });
  byId(document, "hidden").onchange = () => choose({ stopsWhenHidden: byId(document, "hidden").checked });
  byId(document, "cores").onchange = () => choose({ cores: Number(byId(document, "cores").value) });
  document.addEventListener("visibilitychange", tell);
  // What was chosen in another tab holds here too: this one may take over from it.
  page.addEventListener("storage", () => {
    policy = readPolicy(localStorage, machine);
    showChoices(policy, cores);
    tell();
  });
  battery?.addEventListener("chargingchange", tell);
  tell();
}

function signalsOf(battery: Battery | undefined): TabSignals {
  return {
    isHidden: document.visibilityState === "hidden",
    isOnBattery: battery === undefined ? undefined : !battery.charging,
  };
}

function showChoices(policy: TabPolicy, cores: number): void {
  const toggle = byId(document, "toggle");
  toggle.disabled = false;
  toggle.textContent = policy.isPaused ? "Start lending" : "Pause";
  byId(document, "mains").checked = policy.needsMains;
  byId(document, "hidden").checked = policy.stopsWhenHidden;
  const select = byId(document, "cores");
  const options = Array.from({ length: cores }, (_, i) => {
    const option = document.createElement("option");
    option.value = String(i + 1);
    option.textContent = option.value;
    return option;
  });
  select.replaceChildren(...options);
  select.value = String(policy.cores);
}

function idle(state: "failed", problem: string): TabStatus {
  return {
    ...{ state, problem, provider: null, units: [], earnedNano: null },
    decision: { lends: false, reason: "PAUSED", sentence: "" },
    done: { units: 0, steps: 0, rows: 0, ms: 0, acknowledged: 0 },
  };
}
