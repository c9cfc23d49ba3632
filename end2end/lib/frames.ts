// How smooth a page is: when its frames came, what held it up, and what it said of catching up at each of them.
import type { Page } from "@playwright/test";

interface Seen {
  /** Of each frame: when, and what the connection and its count said then. */
  frames: [number, string, string][];
  /** Of each task over 50 ms: when, and how long. */
  tasks: [number, number][];
}

/** For `page.addInitScript`: notes everything from the first frame on. */
export function watchFrames(): void {
  const seen: Seen = { frames: [], tasks: [] };
  (window as unknown as { seen: Seen }).seen = seen;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) seen.tasks.push([task.startTime, task.duration]);
  }).observe({ entryTypes: ["longtask"] });
  const at = (id: string) => document.querySelector(`[data-testid="${id}"]`);
  const look = (now: number) => {
    seen.frames.push([now, at("connection-status")?.getAttribute("data-state") ?? "", at("catching-up")?.textContent ?? ""]);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

export async function seenFrames(page: Page): Promise<Seen> {
  return page.evaluate(() => (window as unknown as { seen: Seen }).seen);
}

/** A stretch of a page's life, in milliseconds. */
export interface Stretch {
  long: number;
  perSecond: number;
  worst: number;
  /** The gap that one frame in a hundred is over. */
  p99: number;
  tasks: number;
  longestTask: number;
}

/** What was between two moments of the page's clock. */
export function stretch(seen: Seen, from: number, to: number): Stretch {
  const frames = seen.frames.map(([at]) => at).filter((at) => at >= from && at <= to);
  const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? at)).sort((one, other) => one - other);
  const tasks = seen.tasks.filter(([at]) => at >= from && at <= to).map(([, long]) => long);
  return {
    long: Math.round(to - from),
    perSecond: Math.round((10_000 * gaps.length) / (to - from)) / 10,
    worst: Math.round(gaps.at(-1) ?? to - from),
    p99: Math.round(gaps[Math.floor(gaps.length * 0.99)] ?? to - from),
    tasks: tasks.length,
    longestTask: Math.round(Math.max(0, ...tasks)),
  };
}
