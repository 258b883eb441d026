/** Of a page, the part used here: the types of this repository are those of Node. */
import type { TabStatus, ToWorker } from "../protocol.ts";

export interface PageElement {
  textContent: string;
  value: string;
  max: number;
  checked: boolean;
  disabled: boolean;
  hidden: boolean;
  readonly dataset: Record<string, string>;
  onclick: (() => void) | null;
  onchange: (() => void) | null;
  append(...nodes: readonly PageElement[]): void;
  replaceChildren(...nodes: readonly PageElement[]): void;
}

export interface PageDocument {
  readonly visibilityState: "visible" | "hidden";
  getElementById(id: string): PageElement | null;
  createElement(tag: string): PageElement;
  addEventListener(event: "visibilitychange", listener: () => void): void;
}

/** SOURCE: https://w3c.github.io/battery/ */
export interface Battery {
  readonly charging: boolean;
  addEventListener(event: "chargingchange", listener: () => void): void;
}

export interface Page {
  /** Another tab of this browser has written into the storage that both share. */
  addEventListener(event: "storage", listener: () => void): void;
  readonly document: PageDocument;
  readonly location: { readonly href: string; readonly origin: string };
  readonly isSecureContext: boolean;
  readonly localStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
  readonly navigator: { readonly hardwareConcurrency: number; getBattery?(): Promise<Battery> };
}

export interface LendWorker {
  onmessage: ((event: { readonly data: TabStatus }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
  postMessage(message: ToWorker): void;
}
