// Strangers: their first words wait as a request, and whoever is blocked is not heard and learns nothing.
import { expect, test } from "../lib/test";

// Fails without `room.request.is_some()` in `queue_receipt` (client/engine/outbox.rs).
test("a stranger's request can be read, and nobody learns of it until it is accepted", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("we have never met");
  await expect(jonas.room("mira").getByTestId("request-accept")).toBeVisible();
  await expect(jonas.page).not.toHaveTitle(/\(1\)/);
  await jonas.lookAt("mira");
  await jonas.expectMessage("we have never met");
  await expect(jonas.page.locator("main").getByTestId("request-bar")).toContainText("mira wants to write to you");
  await mira.send("are you there?");
  await jonas.expectMessage("are you there?");
  await mira.expectMessage("we have never met", "sent");

  await jonas.page.locator("main").getByTestId("request-accept").click();
  await expect(jonas.at("request-bar")).toHaveCount(0);
  await mira.expectMessage("are you there?", "read");
  await jonas.send("now I am");
  await mira.expectMessage("now I am");
  await jonas.expectMessage("now I am", ["delivered", "read"]);
});

test("writing back accepts", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("hello stranger");
  await jonas.lookAt("mira");
  await jonas.send("hello yourself");
  await expect(jonas.at("request-bar")).toHaveCount(0);
  await mira.expectMessage("hello yourself");
  await mira.expectMessage("hello stranger", ["delivered", "read"]);
});

// Fails without `hide` in `delete_request` (client/engine/requests.rs).
test("a deleted request is gone, and comes back with the next words as a request", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("please");
  await jonas.lookAt("mira");
  await jonas.refuse("mira", "delete");
  await expect(jonas.at("composer-input")).toHaveCount(0);
  await jonas.reload();
  await jonas.expectOnline();
  await expect(jonas.room("mira")).toHaveCount(0);
  await mira.send("once more");
  await jonas.lookAt("mira");
  await jonas.expectMessage("once more");
  await jonas.expectNoMessage("please");
  await mira.expectMessage("once more", "sent");
});

// Fails without `withheld_from` at the server and without `is_withheld` in the engine: either is enough, so take both away.
test("a blocked stranger still sees what was sent, and is not heard until unblocked", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("buy this");
  await jonas.refuse("mira", "block");
  await mira.send("buy that");
  await mira.expectMessage("buy that", "sent");
  await jonas.reload();
  await jonas.expectOnline();
  await expect(jonas.room("mira")).toHaveCount(0);
  await mira.expectMessage("buy this", "sent");
  await mira.expectMessage("buy that", "sent");

  await jonas.openSettings();
  await expect(jonas.at("blocked-person")).toHaveAttribute("data-name", "mira");
  await jonas.at("unblock").click();
  await expect(jonas.at("blocked-nobody")).toBeVisible();
  await jonas.closeDialog();
  await mira.send("sorry");
  await jonas.lookAt("mira");
  await jonas.expectMessage("sorry");
  await jonas.expectNoMessage("buy this");
  await jonas.expectNoMessage("buy that");
  await expect(jonas.page.locator("main").getByTestId("request-accept")).toBeVisible();
});

test("somebody known can be blocked from the lock's panel", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("hello");
  await jonas.enterRoom("mira");
  await mira.expectMessage("hello", "read");
  await jonas.at("lock-badge").click();
  await jonas.at("room-block").click();
  await jonas.at("room-block").click();
  await expect(jonas.at("room-block")).toHaveAttribute("aria-pressed", "true");
  await mira.send("do you hear me?");
  await mira.expectMessage("do you hear me?", "sent");
  await jonas.at("room-block").click();
  await expect(jonas.at("room-block")).toHaveAttribute("aria-pressed", "false");
  await mira.send("and now?");
  await jonas.expectMessage("and now?");
  await jonas.expectNoMessage("do you hear me?");
});
