// What stays: history, drafts, sessions, and what was sent while somebody was away.
import { FAILED_REQUEST } from "../lib/person";
import { expect, test } from "../lib/test";

test("a reload keeps the history and asks for no password", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("before the reload");
  await jonas.enterRoom("mira");
  await jonas.send("answer before the reload");
  await mira.expectMessage("answer before the reload");

  await mira.reload();
  await mira.expectSignedIn();
  await mira.enterRoom("jonas");
  await mira.expectMessage("before the reload", "read");
  await mira.expectMessage("answer before the reload");

  await mira.send("after the reload");
  await jonas.expectMessage("after the reload");
});

test("a person who was offline gets everything at the next connection", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("while you are here");
  await jonas.accept("mira");
  await mira.expectMessage("while you are here", "delivered");
  await jonas.closeTab();

  for (const text of ["one", "two", "three"]) await mira.send(text);
  await mira.expectMessage("three", "sent");

  await jonas.openTab();
  await jonas.expectSignedIn();
  await jonas.enterRoom("mira");
  for (const text of ["while you are here", "one", "two", "three"]) await jonas.expectMessage(text);
  await mira.expectMessage("three", "read");
});

test("a person who never opened the room before finds it, with everything in it, at the next connection", async ({ mira, jonas }) => {
  await jonas.closeTab();
  await mira.openRoomWith("jonas");
  await mira.send("are you there?");
  await mira.expectMessage("are you there?", "sent");
  await jonas.openTab();
  await jonas.enterRoom("mira");
  await jonas.expectMessage("are you there?");
});

test("a person who signed out and kept the device gets everything at the next sign-in", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("kept history");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("kept history");
  await jonas.signOut("keep");

  await mira.send("while signed out");
  await mira.expectMessage("while signed out", "sent");

  await jonas.signIn();
  await jonas.enterRoom("mira");
  await jonas.expectMessage("kept history");
  await jonas.expectMessage("while signed out");
});

test("a draft survives a reload", async ({ mira, jonas: _ }) => {
  await mira.openRoomWith("jonas");
  await mira.at("composer-input").fill("not finished yet");
  await mira.openRoomWith("mira");
  // The list says that the draft is stored.
  await expect(mira.room("jonas").locator('[data-draft="true"]')).toBeVisible();
  await mira.reload();
  await mira.expectSignedIn();
  await mira.enterRoom("jonas");
  await expect(mira.at("composer-input")).toHaveValue("not finished yet");
});

test("a link from elsewhere into the app opens signed in", async ({ mira, server }) => {
  await mira.page.goto("about:blank");
  await mira.page.setContent(`<a href="${server.url}/">to Sotto</a>`);
  await mira.page.getByRole("link").click();
  await mira.expectSignedIn();
});

test("the server goes away and comes back: nothing is lost, and the page says where it stands", async ({ mira, jonas, server }) => {
  for (const person of [mira, jonas]) person.expectErrors(FAILED_REQUEST.noServer, /WebSocket connection to/);
  await mira.openRoomWith("jonas");
  await mira.send("before the cut");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("before the cut");

  await server.kill();
  await mira.expectConnection("waiting", "connecting");
  await mira.send("during the cut");
  await mira.expectMessage("during the cut", "sending");

  await server.run();
  await mira.expectConnection("online");
  await jonas.expectConnection("online");
  await jonas.expectMessage("during the cut");
  await mira.expectMessage("during the cut", ["sent", "delivered", "read"]);
  await jonas.send("after the cut");
  await mira.expectMessage("after the cut");
});
