import type { Fetch } from "../ports.ts";

export const systemFetch: Fetch = (url, init) => fetch(url, init);
