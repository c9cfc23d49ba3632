// Two people sign up, find each other and talk.
import { sql } from "../lib/database";
import { expect, test } from "../lib/test";

test("two people sign up and talk both ways, and see how far their messages have come", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("Hello Jonas, can you read this?");
  await jonas.accept("mira");
  // Jonas is online, but has not looked.
  await mira.expectMessage("Hello Jonas, can you read this?", "delivered");

  await expect(jonas.room("mira").getByTestId("unread-badge")).toContainText("1");
  await expect(jonas.page).toHaveTitle(/\(1\)/);
  await jonas.enterRoom("mira");
  await jonas.expectMessage("Hello Jonas, can you read this?");
  await mira.expectMessage("Hello Jonas, can you read this?", "read");
  await expect(jonas.room("mira").getByTestId("unread-badge")).toHaveCount(0);

  await jonas.send("Every word. Nobody else can.");
  await mira.expectMessage("Every word. Nobody else can.");
  await jonas.expectMessage("Every word. Nobody else can.", "read");

  await expect(mira.message("Every word. Nobody else can.")).toHaveAttribute("data-author", "jonas");
  await expect(jonas.message("Hello Jonas, can you read this?")).toHaveAttribute("data-author", "mira");
});

test("messages keep their order, in both timelines the same", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  for (let i = 1; i <= 10; i += 1) await mira.send(`mira ${i}`);
  await jonas.enterRoom("mira");
  for (let i = 1; i <= 10; i += 1) await jonas.send(`jonas ${i}`);
  await mira.expectMessage("jonas 10");
  const expected = ["mira", "jonas"].flatMap((name) => Array.from({ length: 10 }, (_, i) => `${name} ${i + 1}`));
  expect(await mira.texts()).toEqual(expected);
  expect(await jonas.texts()).toEqual(expected);
});

test("a message is sent with Enter, and Shift and Enter make a new line", async ({ mira }) => {
  await mira.openRoomWith("mira");
  await mira.at("composer-input").pressSequentially("first line");
  await mira.page.keyboard.press("Shift+Enter");
  await mira.page.keyboard.type("second line");
  await mira.page.keyboard.press("Enter");
  await expect(mira.at("message-text")).toHaveText(/first line\s+second line/);
  await expect(mira.at("composer-input")).toHaveValue("");
});

test("notes to oneself work and stay", async ({ mira }) => {
  await mira.openRoomWith("mira");
  await mira.send("buy stamps");
  await mira.expectMessage("buy stamps", ["sent", "delivered", "read"]);
  await mira.reload();
  await mira.expectSignedIn();
  await mira.room("mira").click();
  await mira.expectMessage("buy stamps", ["sent", "delivered", "read"]);
});

test("a name that nobody has is answered with a sentence", async ({ mira }) => {
  await mira.at("new-chat").click();
  await mira.at("recipient-input").fill("nobody-here");
  await mira.at("recipient-input").press("Enter");
  mira.expectErrors(/status of 404/);
  await expect(mira.at("error-banner")).toContainText("nobody by that name");
});

test("two people who open the same room at once end in one room", async ({ mira, jonas, server }) => {
  mira.expectErrors(/status of 409/);
  jonas.expectErrors(/status of 409/);
  await Promise.all([mira.openRoomWith("jonas"), jonas.openRoomWith("mira")]);
  await Promise.all([mira.send("I was first"), jonas.send("No, I was")]);
  for (const person of [mira, jonas]) {
    await person.expectMessage("I was first");
    await person.expectMessage("No, I was");
    await expect(person.at("room-item")).toHaveCount(1);
  }
  expect(sql(server.dataDir, "SELECT count(*) FROM pairs WHERE low <> high").rows).toEqual([[1]]);
});
