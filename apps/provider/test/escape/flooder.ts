/** A worker that went astray: as soon as it has a unit, it fills its folder or its memory without end. */
import { mkdirSync, writeFileSync } from "node:fs";

process.on(
  "message",
  (task: { readonly type: string; readonly lease: string; readonly updateFolder: string }) => {
    if (task.type !== "run") return;
    if (task.lease.startsWith("m")) fillMemory();
    mkdirSync(task.updateFolder, { recursive: true });
    for (let i = 0; ; i++) writeFileSync(`${task.updateFolder}/${i}`, "");
  },
);
process.send?.({ type: "ready" });

function fillMemory(): never {
  const kept: Buffer[] = [];
  for (;;) kept.push(Buffer.alloc(1 << 24, 1));
}
