// How people and groups are shown, and what a person chooses once for all their browsers.
import { readFile } from "node:fs/promises";
import { expectAccessible } from "../lib/axe";
import { makeGroup, openMembers } from "../lib/groups";
import { newMarker, searchFolder } from "../lib/markers";
import type { Person } from "../lib/person";
import { expect, test } from "../lib/test";

/** A picture as a camera makes it: larger than what is sent, and not square. Drawn in the page, so that it is a real file. */
async function photo(person: Person): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const url = await person.page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [900, 600];
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    context.fillStyle = "#e8a13c";
    context.fillRect(0, 0, 900, 600);
    context.fillStyle = "#2b4cc4";
    context.arc(450, 300, 200, 0, 7);
    context.fill();
    return canvas.toDataURL("image/png");
  });
  return { name: "photo.png", mimeType: "image/png", buffer: Buffer.from(url.slice(url.indexOf(",") + 1), "base64") };
}

// Fails without `card` in `seal_outgoing` (client/engine/outbox.rs), and without the picture in `Face`.
test("a name and a picture reach who is written with, and every own browser", async ({ mira, jonas, arrive, server }) => {
  const [name, laptop] = [newMarker("Name"), newMarker("Laptop")];
  await mira.openRoomWith("jonas");
  await mira.send("hello");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("hello");

  await mira.openSettings();
  await mira.at("profile-name").fill(name);
  await mira.at("profile-picture").setInputFiles(await photo(mira));
  await expect(mira.at("profile-saved")).toBeVisible();
  await expectAccessible(mira.page, "profile settings");
  await mira.closeDialog();
  await expect(mira.page.locator(".me-bar").getByTestId("avatar-picture")).toBeVisible();

  // Without a word from mira.
  await expect(jonas.at("room-title")).toHaveText(name);
  const picture = jonas.room("mira").getByTestId("avatar-picture");
  await expect(picture).toHaveJSProperty("naturalWidth", 160);
  await expect(picture).toHaveJSProperty("naturalHeight", 160);
  // It is the middle of the photo, and a JPEG: nothing else of the file was sent.
  expect(await picture.getAttribute("src")).toMatch(/^data:image\/jpeg;base64,/);
  // The user name stays where it matters who somebody is.
  await jonas.at("lock-badge").click();
  await expect(jonas.at("panel-close")).toBeVisible();

  const elsewhere = await arrive("mira");
  await elsewhere.signIn();
  await elsewhere.openSettings();
  await expect(elsewhere.at("profile-name")).toHaveValue(name);
  // A name for the first browser, seen on both.
  await elsewhere.at("device-rename").first().click();
  await elsewhere.at("device-name").fill(laptop);
  await elsewhere.at("device-name-submit").click();
  await expect(elsewhere.at("devices-list")).toContainText(laptop);

  // The server has seen neither.
  expect((await searchFolder([name, laptop], server.dataDir)).findings).toEqual([]);
});

test("a group is described and has a picture", async ({ mira, jonas }) => {
  await makeGroup(mira, "The board", ["jonas"]);
  await openMembers(mira);
  await mira.at("group-about").fill("Every Thursday at nine");
  await mira.at("group-about-submit").click();
  await mira.at("group-picture").setInputFiles(await photo(mira));
  await jonas.enterRoom("The board");
  await expect(jonas.at("timeline")).toContainText("mira described this group: Every Thursday at nine");
  await expect(jonas.at("timeline")).toContainText("mira changed the group’s picture");
  await expect(jonas.room("The board").getByTestId("avatar-picture")).toBeVisible();
  await jonas.at("members-open").click();
  await expect(jonas.at("group-about")).toHaveValue("Every Thursday at nine");
});

// Fails without `empty_shelves` (client/engine/choices.rs).
test("history that is not kept is not on a new browser, and the settings say what keeping it trades", async ({ mira, jonas, arrive }) => {
  await mira.openRoomWith("jonas");
  await mira.send("for now only");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("for now only");
  // The page of the archive is written when a few lines have come together.
  await jonas.page.waitForTimeout(5_000);
  await jonas.at("lock-badge").click();
  await jonas.at("room-unarchive").click();
  await jonas.at("room-unarchive-sure").click();
  await expect(jonas.at("room-unarchived")).toBeVisible();
  await jonas.openSettings();
  await expect(jonas.page.getByText("A sealed copy of what you read is kept on the server")).toBeVisible();
  await jonas.closeDialog();

  const elsewhere = await arrive("jonas");
  await elsewhere.signIn();
  await elsewhere.enterRoom("mira");
  await mira.send("and this comes");
  await elsewhere.expectMessage("and this comes");
  await expect(elsewhere.message("for now only")).toHaveCount(0);
  await elsewhere.at("lock-badge").click();
  await expect(elsewhere.at("room-unarchived")).toBeVisible();
});

// Fails when `export` (app/src/export.rs) reads the newest page alone.
test("everything that was said can be had as one readable file", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  const texts = Array.from({ length: 70 }, (_, index) => `line ${index} <b>&amp;`);
  for (const text of texts) await mira.send(text);
  await jonas.enterRoom("mira");
  await jonas.send("and mine");
  await mira.expectMessage("and mine");
  await mira.openSettings();
  const saved = mira.page.waitForEvent("download");
  await mira.at("export").click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe("sotto-conversations.html");
  await expect(mira.at("export-count")).toHaveAttribute("data-done", "true");
  const reader = await mira.context.newPage();
  await reader.setContent(await readFile((await download.path()) ?? "", "utf8"));
  const lines = await reader.locator("p:not(.s):has(b)").allInnerTexts();
  expect(lines.map((line) => line.slice(line.indexOf(": ") + 2))).toEqual([...texts, "and mine"]);
  await reader.close();
});
