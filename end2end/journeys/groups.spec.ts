// Groups in the browser: making one, who is in it, talking, naming people.
import { expectAccessible, expectNoSideScroll } from "../lib/axe";
import { addMember, makeGroup, member, openMembers } from "../lib/groups";
import { expect, test } from "../lib/test";

test("three people talk in a group and see who is in it", async ({ mira, jonas, arrive }) => {
  const noor = await arrive("noor");
  await noor.signUp();
  await makeGroup(mira, "The board", ["jonas", "noor"]);
  await mira.send("welcome, everybody");
  for (const person of [jonas, noor]) {
    await person.enterRoom("The board");
    await person.expectMessage("welcome, everybody");
  }
  await jonas.send("glad to be here");
  await noor.expectMessage("glad to be here");
  // Two others write here, so each message says whose it is.
  await expect(noor.message("glad to be here")).toContainText("jonas");
  await noor.send("same");
  await mira.expectMessage("same");
  await jonas.expectMessage("same");

  for (const person of [mira, jonas, noor]) {
    await openMembers(person);
    await expect(person.at("members-count")).toHaveText("3 people");
    await expect(member(person, "mira")).toHaveAttribute("data-role", "owner");
    await expect(member(person, "noor")).toHaveAttribute("data-role", "member");
  }
  // Plain members neither add nor remove.
  await expect(jonas.at("members-panel").getByTestId("group-add-member")).toHaveCount(0);
  await member(jonas, "noor").getByTestId("member-menu").click();
  await expect(member(jonas, "noor").getByTestId("member-remove")).toHaveCount(0);
  await expectAccessible(mira.page, "members panel");
});

test("somebody is added and removed, and everybody sees by whom", async ({ mira, jonas, arrive }) => {
  const noor = await arrive("noor");
  await noor.signUp();
  await makeGroup(mira, "The board", ["jonas"]);
  await mira.send("before noor");
  await openMembers(mira);
  await addMember(mira, "noor");
  await noor.enterRoom("The board");
  await mira.send("with noor");
  await noor.expectMessage("with noor");
  await noor.expectNoMessage("before noor");
  await jonas.enterRoom("The board");
  await expect(jonas.at("system-line").filter({ hasText: "mira added noor" })).toBeVisible();

  await member(mira, "noor").getByTestId("member-menu").click();
  await mira.at("member-remove").click();
  await mira.at("member-remove-sure").click();
  await expect(member(mira, "noor")).toHaveCount(0);
  await expect(jonas.at("system-line").filter({ hasText: "mira removed noor" })).toBeVisible();
  await expect(noor.at("composer-send")).toBeDisabled();
  await expect(noor.page.locator("#composer-hint")).toContainText("not in this group any more");
  await mira.send("without noor");
  await jonas.expectMessage("without noor");
  await noor.expectNoMessage("without noor");
});

test("a group gets its name from its people, and another one later", async ({ mira, jonas }) => {
  await mira.at("new-group").click();
  await mira.at("group-add-member").fill("nobody-here");
  await mira.at("group-add-member").press("Enter");
  await expect(mira.page.locator("#new-group-dialog").getByTestId("error-banner")).toContainText("nobody by that name");
  await mira.at("group-add-member").fill("jonas");
  // What stands in the box is taken, too.
  await mira.at("group-create").click();
  await expect(mira.at("room-title")).toHaveText("mira, jonas");
  await jonas.enterRoom("mira, jonas");
  await openMembers(jonas);
  await jonas.at("group-rename").fill("Lunch");
  await jonas.at("group-rename-submit").click();
  await expect(mira.at("room-title")).toHaveText("Lunch");
  await expect(mira.at("system-line").filter({ hasText: "jonas named this group “Lunch”" })).toBeVisible();
});

test("somebody is named by choosing from the list, and sees it", async ({ mira, jonas, arrive }) => {
  const noor = await arrive("noor");
  await noor.signUp();
  await makeGroup(mira, "The board", ["jonas", "noor"]);
  await jonas.enterRoom("The board");
  await expect(jonas.at("members-open")).toContainText("3");
  await jonas.at("composer-input").pressSequentially("ask @no");
  await expect(jonas.at("mention-option")).toHaveCount(1);
  await jonas.page.keyboard.press("Enter");
  await expect(jonas.at("composer-input")).toHaveValue("ask @noor ");
  await jonas.page.keyboard.type("please");
  await jonas.page.keyboard.press("Enter");
  await noor.enterRoom("The board");
  await expect(noor.at("mention")).toHaveAttribute("data-me", "true");
  await mira.expectMessage("ask @noor please");
  await expect(mira.at("mention")).toHaveAttribute("data-me", "false");
  await expectAccessible(noor.page, "a message that names the reader");
});

test("a muted room is neither announced nor counted in the title", async ({ mira, jonas }) => {
  await makeGroup(mira, "The board", ["jonas"]);
  await jonas.enterRoom("The board");
  await openMembers(jonas);
  await jonas.at("room-mute").click();
  await expect(jonas.at("room-mute")).toHaveAttribute("aria-pressed", "true");
  await jonas.openRoomWith("jonas");
  await mira.send("psst");
  await expect(jonas.room("The board").getByTestId("unread-badge")).toHaveAttribute("data-muted", "true");
  await expect(jonas.page).toHaveTitle(/^Notes/);
});

for (const width of [390, 320]) {
  test(`a group is made on a screen of ${width} pixels`, async ({ arrive, jonas: _ }) => {
    const mira = await arrive("mira", { viewport: { width, height: 700 }, hasTouch: true });
    await mira.signUp();
    await makeGroup(mira, "A name that is rather long for such a screen", ["jonas"]);
    await expectNoSideScroll(mira.page, "group");
    await openMembers(mira);
    await expectNoSideScroll(mira.page, "members panel");
    await member(mira, "jonas").getByTestId("member-menu").click();
    await mira.at("member-remove").click();
    await expectNoSideScroll(mira.page, "question before a removal");
  });
}

// Fails without `put_shared` (client/engine/sharing.rs).
test("an admin shares what was said before, and everybody sees it", async ({ mira, jonas, arrive }) => {
  const noor = await arrive("noor");
  await noor.signUp();
  await makeGroup(mira, "The board", ["jonas"]);
  await mira.send("before noor");
  await jonas.enterRoom("The board");
  await jonas.expectMessage("before noor");
  await jonas.send("also before");
  await openMembers(mira);
  await addMember(mira, "noor");
  await noor.enterRoom("The board");
  await mira.send("with noor");
  await noor.expectMessage("with noor");
  await noor.expectNoMessage("before noor");

  await member(mira, "noor").getByTestId("member-menu").click();
  await mira.at("member-share").click();
  await expectAccessible(mira.page, "question before sharing");
  await mira.at("member-share-sure").click();
  await noor.expectMessage("before noor");
  await expect(noor.message("also before").getByTestId("message-shared")).toHaveText("shared by mira");
  await expect(noor.at("message-text")).toHaveText(["before noor", "also before", "with noor"]);
  await expect(noor.at("system-line").filter({ hasText: "mira shared earlier messages with you" })).toBeVisible();
  await expect(jonas.at("system-line").filter({ hasText: "mira shared earlier messages with noor" })).toBeVisible();
  await openMembers(jonas);
  await member(jonas, "noor").getByTestId("member-menu").click();
  await expect(jonas.at("member-share")).toHaveCount(0);
});

// Fails without `leaves_due` (client/engine/leaving.rs): nobody carries it out.
test("somebody leaves, and the last owner is told what to do first", async ({ mira, jonas }) => {
  await makeGroup(mira, "The board", ["jonas"]);
  await jonas.enterRoom("The board");
  await openMembers(mira);
  await expect(mira.at("members-count")).toHaveText("2 people");
  await mira.at("group-leave").click();
  await mira.at("group-leave-sure").click();
  await expect(mira.page.getByText("Make somebody else an owner first")).toBeVisible();

  await openMembers(jonas);
  await jonas.at("group-leave").click();
  await jonas.at("group-leave-not").click();
  await expect(jonas.at("group-leave")).toBeVisible();
  await jonas.at("group-leave").click();
  await jonas.at("group-leave-sure").click();
  await expect(jonas.at("timeline")).toContainText("You left");
  await expect(mira.at("timeline")).toContainText("jonas left");
  await expect(mira.at("members-count")).toHaveText("1 person");
  // Who is alone is out at once.
  await mira.at("group-leave").click();
  await mira.at("group-leave-sure").click();
  await expect(mira.page.getByText("You are not in this group any more").first()).toBeVisible();
});
