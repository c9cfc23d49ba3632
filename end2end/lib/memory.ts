// What stands in the memory of a browser's processes: a heap dump that leaves nothing out.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

const CHUNK = 16 * 1024 * 1024;

/** The browser of a profile folder and all processes that it has started. */
function processesOf(folder: string): number[] {
  const all = readdirSync("/proc").map(Number).filter(Number.isInteger);
  const read = (pid: number, what: string) => {
    try {
      return readFileSync(`/proc/${pid}/${what}`, "latin1");
    } catch {
      return "";
    }
  };
  // The name in brackets may hold anything, what follows it are numbers.
  const parent = new Map(all.map((pid) => [pid, Number(read(pid, "stat").split(") ").pop()?.split(" ")[1])]));
  const found = all.filter((pid) => read(pid, "cmdline").includes(`--user-data-dir=${folder}`));
  for (const pid of found) found.push(...all.filter((child) => parent.get(child) === pid && !found.includes(child)));
  return found;
}

/** How often these bytes stand in what the processes can write, by process. */
export function memoryWith(folder: string, hex: string): Map<number, number> {
  const wanted = Buffer.from(hex, "hex");
  const counts = new Map<number, number>();
  for (const pid of processesOf(folder)) {
    const memory = openSync(`/proc/${pid}/mem`, "r");
    for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (!from || !to) continue;
      const end = BigInt(`0x${to}`);
      for (let at = BigInt(`0x${from}`); at < end; ) {
        const buffer = Buffer.alloc(Number(end - at < BigInt(CHUNK) ? end - at : BigInt(CHUNK)));
        let length = 0;
        try {
          length = readSync(memory, buffer, 0, buffer.length, at);
        } catch {
          // Reserved, and not there.
        }
        if (length <= 0) break;
        for (let place = buffer.indexOf(wanted); place >= 0; place = buffer.indexOf(wanted, place + 1)) {
          counts.set(pid, (counts.get(pid) ?? 0) + 1);
        }
        if (length < buffer.length) break;
        // What crosses the border is seen in the next piece.
        at += BigInt(length) - (at + BigInt(length) < end ? BigInt(wanted.length - 1) : 0n);
      }
    }
    closeSync(memory);
  }
  return counts;
}
