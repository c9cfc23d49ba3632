// Invite links: made by an admin, followed by somebody who has no account yet, and what one sees while nobody can open the door.
import { expectAccessible, expectNoSideScroll } from "../lib/axe";
import { makeGroup, member, openMembers } from "../lib/groups";
import type { Person } from "../lib/person";
import { expect, test } from "../lib/test";

/** Makes a link in the group that is open. Answers its address. */
async function makeLink(person: Person): Promise<string> {
  await openMembers(person);
  await person.at("invite-make").click();
  await expect(person.at("invite")).toHaveCount(1);
  return person.at("invite-address").innerText();
}

/** Looks at every request for a part of the link's secret. */
function watchFor(person: Person, secret: string): string[] {
  const found: string[] = [];
  person.page.on("request", (request) => {
    if (request.url().includes(secret) || (request.postData() ?? "").includes(secret)) found.push(request.url());
  });
  return found;
}

// Fails without `look_for_invite` (app/src/context.rs), and when the code stands before the `#`.
test("who follows a link makes an account, joins and talks, and the server does not see the link", async ({ mira, jonas, arrive }) => {
  await makeGroup(mira, "The board", ["jonas"]);
  const link = await makeLink(mira);
  await expect(mira.at("invite")).toContainText("10 of 10 places left");
  await expectAccessible(mira.page, "members panel with a link");

  const noor = await arrive("noor");
  const leaks = watchFor(noor, link.slice(-40));
  await noor.goTo(link);
  await expect(noor.at("invited")).toBeVisible();
  await noor.at("signup-link").click();
  await expect(noor.at("invited")).toBeVisible();
  await noor.trySignUp();
  await noor.takeRecoveryCode();
  await expect(noor.at("join-submit")).toBeVisible();
  await expectAccessible(noor.page, "question whether to join");
  await noor.at("join-submit").click();
  await noor.lookAt("The board");
  await expect(noor.page.locator("main").getByTestId("request-accept")).toHaveCount(0);
  await noor.send("the link works");
  await mira.expectMessage("the link works");
  await expect(member(mira, "noor")).toHaveAttribute("data-standing", "in");
  await expect(mira.at("invite")).toContainText("9 of 10 places left");
  expect(noor.page.url()).not.toContain("join");
  expect(leaks).toEqual([]);
  // Followed again it opens the group.
  await noor.openRoomWith("noor");
  await noor.page.evaluate((to) => location.assign(to), link);
  await noor.at("join-submit").click();
  await expect(noor.at("room-title")).toHaveText("The board");
  await jonas.enterRoom("The board");
  await openMembers(jonas);
  await expect(jonas.at("invite-make")).toHaveCount(0);
});

test("who asks waits visibly until an admin is there, and can think again", async ({ mira, jonas }) => {
  await makeGroup(mira, "The board", []);
  const link = await makeLink(mira);
  await mira.context.setOffline(true);
  mira.expectErrors(/./);
  await mira.page.close();

  await jonas.page.evaluate((to) => location.assign(to), link);
  await jonas.at("join-submit").click();
  await expect(jonas.at("ask-item")).toContainText("Waiting to be let into a group");
  await expectAccessible(jonas.page, "waiting to be let in");
  await jonas.reload();
  await expect(jonas.at("ask-item")).toBeVisible();
  await jonas.at("ask-withdraw").click();
  await expect(jonas.at("ask-item")).toHaveCount(0);

  await jonas.page.evaluate((to) => location.assign(to), link);
  await jonas.at("join-not").click();
  await expect(jonas.at("join-submit")).toHaveCount(0);
  await jonas.page.evaluate((to) => location.assign(to), link);
  await jonas.at("join-submit").click();
  await expect(jonas.at("ask-item")).toBeVisible();
  await mira.context.setOffline(false);
  await mira.openTab();
  await jonas.lookAt("The board");
  await expect(jonas.at("ask-item")).toHaveCount(0);
});

test("a link that was ended says so, also to who waits", async ({ mira, jonas }) => {
  await makeGroup(mira, "The board", []);
  const link = await makeLink(mira);
  await mira.at("invite-end").click();
  await mira.at("invite-end-sure").click();
  await expect(mira.at("invite")).toHaveCount(0);
  jonas.expectErrors(/status of 410/);
  await jonas.page.evaluate((to) => location.assign(to), link);
  await jonas.at("join-submit").click();
  await expect(jonas.at("error-banner")).toContainText("no longer valid");
  await jonas.page.evaluate(() => location.assign("/#join=nonsense"));
  await jonas.at("join-submit").click();
  await expect(jonas.at("error-banner")).toContainText("no longer valid");
});

for (const width of [390, 320]) {
  test(`links fit a screen of ${width} pixels`, async ({ arrive }) => {
    const mira = await arrive("mira", { viewport: { width, height: 700 }, hasTouch: true });
    await mira.signUp();
    await makeGroup(mira, "The board", []);
    await makeLink(mira);
    await expectNoSideScroll(mira.page, "members panel with a link");
    await mira.at("invite-end").click();
    await expectNoSideScroll(mira.page, "question before a link ends");
  });
}
