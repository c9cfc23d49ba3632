// Browser data is a cache: what a person sees when the browser has deleted it, or a part of it is damaged.
import { expectAccessible } from "../lib/axe";
import type { Person } from "../lib/person";
import { FAILED_REQUEST, PASSWORD } from "../lib/person";
import { dump, flip } from "../lib/storage";
import { expect, test } from "../lib/test";

/** Deletes what a browser may delete when its disk is full: everything but the cookies. */
async function evict(person: Person): Promise<void> {
  const browser = await person.page.context().newCDPSession(person.page);
  const origin = new URL(person.page.url()).origin;
  await browser.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb,local_storage,file_systems,service_workers,cache_storage" });
  await browser.detach();
}

/** Signs in again, and is whole: the conversation is there, and of the devices this one alone. */
async function expectWhole(person: Person, other: Person): Promise<void> {
  await expect(person.at("evicted")).toBeVisible();
  await expectAccessible(person.page, "a browser that has lost its data");
  await expect(person.at("signin-username")).toHaveValue(person.name);
  await person.at("signin-password").fill(PASSWORD);
  await person.at("signin-submit").click();
  await person.expectSignedIn();
  await person.enterRoom(other.name);
  await person.expectMessage("remember this");
  await other.send("and this");
  await person.expectMessage("and this");
  await person.send("whole again");
  await other.expectMessage("whole again");
  await person.openSettings();
  await expect(person.at("device")).toHaveCount(1);
  await person.closeDialog();
}

test.beforeEach(async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("remember this");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("remember this");
  // The page of the archive is written when a few lines have come together.
  await mira.page.waitForTimeout(5_000);
});

// Fails without `Phase::Evicted`, and without `signed.before` in `open_device` (client/engine/auth.rs).
test("r65_eviction_a_browser_that_was_emptied_says_so_and_is_whole_after_signing_in", async ({ mira, jonas }) => {
  // A page of the site without Sotto in it, and without an icon.
  mira.expectErrors(FAILED_REQUEST.status(404), FAILED_REQUEST.status(401), /WebSocket connection to/);
  await mira.goTo("/health");
  await evict(mira);
  await mira.goTo("/");
  await expectWhole(mira, jonas);
});

// Fails without `Input::Opened` in `persisted` (client/engine/mod.rs), or without `start_over` (app/src/flows.rs).
test("r65_eviction_data_that_go_under_an_open_page_are_said_to_be_gone", async ({ mira, jonas }) => {
  mira.expectErrors(FAILED_REQUEST.status(401), /WebSocket connection to/);
  await evict(mira);
  await mira.at("composer-input").fill("into the void");
  await mira.at("composer-input").press("Enter");
  await expect(mira.page.getByRole("heading", { name: "The data in this browser does not open" })).toBeVisible();
  await expectAccessible(mira.page, "data that do not open");
  await mira.at("start-over").click();
  await expectWhole(mira, jonas);
});

test("r65_eviction_a_row_that_fails_its_seal_leads_to_a_new_device", async ({ mira, jonas }) => {
  mira.expectErrors(FAILED_REQUEST.status(401), /WebSocket connection to/);
  const rows = (await dump(mira.page)).filter((row) => row.store === "state");
  const device = rows.find((row) => row.key === "10");
  expect(device, rows.map((row) => row.key).join(" ")).toBeDefined();
  await flip(mira.page, "state", "10", -1);
  await mira.goTo("/");
  await expect(mira.page.getByRole("heading", { name: "The data in this browser does not open" })).toBeVisible();
  await mira.at("start-over").click();
  await expectWhole(mira, jonas);
});
