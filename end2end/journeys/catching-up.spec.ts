// Coming back to much: what fifty friends have said meanwhile arrives while the page is used.
import type { CDPSession, Page } from "@playwright/test";
import { Crowd } from "../lib/crowd";
import { seenFrames, stretch, watchFrames } from "../lib/frames";
import type { Person } from "../lib/person";
import type { Server } from "../lib/server";
import { allTexts } from "../lib/stream";
import { expect, test } from "../lib/test";
import { engineMemory, inWorkers, KEEP_MEMORY } from "../lib/workers";

/** Rooms that were there before, and rooms that are new to this browser when it comes back. */
const OLD = 45;
const NEW = 5;
/** Texts in each, 10,000 in all; fewer by `SOTTO_SOAK_COUNT`. */
const TEXTS = Math.min(200, Number(process.env.SOTTO_SOAK_COUNT ?? 200));
const ALL = (OLD + NEW) * TEXTS;
const MEGABYTE = 1024 * 1024;
/** How long nothing happens, for comparison. */
const IDLE_MS = 5_000;

interface Memory {
  page: number;
  engine: number;
}

/** Bytes that the page's scripts use and bytes of the engine's memory. */
async function memory(page: Page, devtools: CDPSession): Promise<Memory> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  const used = metrics.find((metric) => metric.name === "JSHeapUsedSize")?.value ?? Number.NaN;
  return { page: used, engine: await engineMemory(page) };
}

/** Closes the tab when nothing waits any more, and stops the server. */
async function goAway(mira: Person, server: Server): Promise<void> {
  await mira.expectOnline();
  await mira.closeTab();
  await server.stop();
}

/** The counts that were shown, in their order: done, of how many. */
function counts(texts: string[]): [number, number][] {
  const shown = texts.filter((text, index) => text !== "" && text !== texts[index - 1]);
  return shown.map((text) => {
    const [done, total] = text.replaceAll(",", "").split(" of ").map(Number);
    return [done ?? Number.NaN, total ?? Number.NaN];
  });
}

test("catching up on thousands of messages in fifty rooms is counted, keeps the page smooth and usable, and bounded in memory", async ({
  mira,
  server,
}) => {
  test.setTimeout(120_000 + 2 * ALL * 10);
  const began = Date.now();
  await goAway(mira, server);
  const crowd = await Crowd.meet(server.dataDir, "mira", OLD, NEW, TEXTS);
  try {
    await server.run();
    await mira.openTab();
    await expect(mira.at("room-item")).toHaveCount(OLD, { timeout: 60_000 });
    await mira.enterRoom("friend-00");
    await mira.send("See you in a while");
    await mira.expectMessage("See you in a while", "sent");
    await goAway(mira, server);
    await crowd.talk();
  } finally {
    crowd.end();
  }
  console.log(`      ${OLD + NEW} friends said ${ALL} texts in ${Date.now() - began} ms`);
  await server.run();

  await inWorkers(mira, KEEP_MEMORY);
  await mira.context.addInitScript(watchFrames);
  await mira.openTab();
  const devtools = await mira.context.newCDPSession(mira.page);
  await devtools.send("Performance.enable");
  await expect(mira.at("catching-up")).toHaveText(/ of /);
  const before = await memory(mira.page, devtools);

  // Amid it: a room is opened and read, and something is said there.
  await mira.enterRoom("friend-07");
  const clicked = Date.now();
  await mira.send("Amid all this");
  const said = Date.now() - clicked;
  await mira.expectConnection("catching-up");
  const most = { ...before };
  while ((await mira.at("connection-status").getAttribute("data-state")) === "catching-up") {
    const now = await memory(mira.page, devtools);
    most.page = Math.max(most.page, now.page);
    most.engine = Math.max(most.engine, now.engine);
    await new Promise((done) => setTimeout(done, 500));
  }
  await mira.expectConnection("online");
  await mira.expectMessage("Amid all this", ["sent", "delivered", "read"]);
  // Receipts of fifty rooms go now; after that nothing happens.
  await mira.page.waitForTimeout(2 * IDLE_MS);

  const seen = await seenFrames(mira.page);
  const amid = seen.frames.filter(([, state]) => state === "catching-up").map(([at]) => at);
  const [first, last, end] = [amid[0] ?? 0, amid.at(-1) ?? 0, seen.frames.at(-1)?.[0] ?? 0];
  const [busy, idle] = [stretch(seen, first, last), stretch(seen, end - IDLE_MS, end)];
  const mb = (bytes: number) => `${(bytes / MEGABYTE).toFixed(1)} MB`;
  console.log(`      catching up: ${JSON.stringify(busy)}\n      idle:        ${JSON.stringify(idle)}`);
  console.log(`      page ${mb(before.page)}, at most ${mb(most.page)}; engine ${mb(before.engine)}, at most ${mb(most.engine)}`);
  console.log(`      a text stood there after ${said} ms`);

  // Shares of what the same page does when nothing happens, on machines whose cores others use too.
  expect(busy.perSecond).toBeGreaterThan(idle.perSecond / 2);
  expect(busy.worst).toBeLessThan(1_000);
  expect(said).toBeLessThan(5_000);
  expect(most.page - before.page).toBeLessThan(32 * MEGABYTE);
  expect(most.engine - before.engine).toBeLessThan(16 * MEGABYTE);

  const shown = counts(seen.frames.map(([, , text]) => text));
  console.log(`      ${shown.length} counts, the last ${shown.at(-1)?.join(" of ")}`);
  expect(shown.length).toBeGreaterThan(10);
  expect(shown.map(([done]) => done)).toEqual(shown.map(([done]) => done).sort((one, other) => one - other));
  expect(shown.every(([done, total]) => done <= total)).toBe(true);

  for (let number = 0; number < OLD + NEW; number += 1) {
    const name = `friend-${String(number).padStart(2, "0")}`;
    const unread = mira.room(name).getByTestId("unread-badge");
    // One's hello was read before, and one room is open.
    const hello = name === "friend-00" ? 0 : 1;
    if (name !== "friend-07") await expect(unread).toHaveText(`${TEXTS + hello} unread`);
  }
  await mira.enterRoom("friend-49");
  const texts = (await allTexts(mira.page)).map((text) => text.split(" ")[0]);
  expect(texts).toEqual(["Hello!", ...Array.from({ length: TEXTS }, (_, index) => `${index + 1}.`)]);
});
