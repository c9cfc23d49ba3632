// Used keys are gone from the files of a real browser profile and from the memory of its processes, not only from what a script sees.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Doomed } from "../lib/doomed";
import { memoryWith } from "../lib/memory";
import { Person } from "../lib/person";
import { expect, test } from "../lib/test";

const PASSPHRASE = "four words of mine";

/** The slots that hold a secret, as hex. */
function secrets(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    const file = await (await folder.getFileHandle("sotto-slots")).getFile();
    const bytes = new Uint8Array(await file.arrayBuffer());
    const slots = [bytes.slice(0, 32), bytes.slice(4096, 4096 + 32)].filter((slot) => slot.some((byte) => byte !== 0));
    return slots.map((slot) => [...slot].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  });
}

/** Files of a folder in which these bytes stand. */
async function filesWith(folder: string, hex: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(Buffer.from(hex, "hex"))) found.push(path);
  }
  return found;
}

// Rig: br, a profile folder with a lock passphrase set, and its processes. Fails without the last `file.write` in `Storage::persist` (worker/src/storage.rs),
// and, by the kills, when `write_slot` writes the slot that counts.
test("r46_forward_secrecy_the_secret_of_before_stands_in_no_file_of_the_profile", async ({ mira, server, launchOptions }) => {
  test.setTimeout(240_000);
  const folder = await mkdtemp(join(tmpdir(), "sotto-profile-"));
  let jonas = await Person.atHome(folder, server.url, "jonas", launchOptions);
  await jonas.signUp();
  await mira.openRoomWith("jonas");
  await mira.send("read before");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("read before");
  await jonas.leave();

  // Killed about when it renews, which is two seconds after it has opened its data.
  for (const life of [1_500, 2_300, 2_700, 3_100, 3_500]) {
    const browser = Doomed.start(folder, launchOptions);
    await browser.open(server.url, "", () => undefined);
    await new Promise((done) => setTimeout(done, life));
    await browser.kill();
  }

  jonas = await Person.atHome(folder, server.url, "jonas", launchOptions);
  await jonas.goTo("/");
  await jonas.expectSignedIn();
  await jonas.openSettings();
  await jonas.at("lock-passphrase").fill(PASSPHRASE);
  await jonas.at("lock-set").click();
  await expect(jonas.at("lock-state")).toHaveAttribute("data-set", "true");
  await jonas.closeDialog();
  await jonas.enterRoom("mira");
  await jonas.expectMessage("read before");
  // The renewal of this life.
  await jonas.page.waitForTimeout(4_000);
  await mira.send("read with the old secret");
  await jonas.expectMessage("read with the old secret");
  const before = await secrets(jonas.page);
  expect(before).toHaveLength(1);
  const old = before[0] ?? "";
  expect(memoryWith(folder, old).size, "this page has just read it").toBeGreaterThan(0);
  await jonas.leave();
  const places = await filesWith(folder, old);
  expect(places).toHaveLength(1);

  jonas = await Person.atHome(folder, server.url, "jonas", launchOptions);
  await jonas.goTo("/");
  await jonas.at("unlock-passphrase").fill(PASSPHRASE);
  await jonas.at("unlock-submit").click();
  await jonas.expectSignedIn();
  // Not asked of the page, which would have it then. The browser is running: a file of its cache may go before it is read.
  await expect.poll(() => filesWith(folder, old).catch(() => ["read again"])).toEqual([]);
  await jonas.enterRoom("mira");
  await jonas.expectMessage("read with the old secret");
  expect(memoryWith(folder, old), "by process").toEqual(new Map());
  await jonas.leave();
  expect(await filesWith(folder, old)).toEqual([]);
  await rm(folder, { recursive: true });
});

// Private windows of some browsers have no such file. Fails when `folder` in worker/src/slots.rs does not ask whether it is there.
test("a browser that overwrites nothing in place works without it", async ({ arrive, jonas: _ }) => {
  const nora = await arrive("nora");
  await nora.page.context().route(/\/assets\/worker-[0-9a-f]+\.js$/, async (route) => {
    const answer = await route.fetch();
    const line = "delete FileSystemFileHandle.prototype.createSyncAccessHandle;";
    await route.fulfill({ response: answer, body: `${line}\n${await answer.text()}` });
  });
  await nora.signUp();
  await nora.openRoomWith("jonas");
  await nora.send("without a file");
  await nora.reload();
  await nora.enterRoom("jonas");
  await nora.expectMessage("without a file");
});
