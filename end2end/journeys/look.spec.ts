// How it looks and works for everybody: themes, narrow screens, assistive technology, no JavaScript.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSideScroll } from "../lib/axe";
import { expect, test } from "../lib/test";

const THEMES = ["dark", "light", "high-contrast"];

test("every page is accessible in every theme", async ({ arrive, server }) => {
  const mira = await arrive("mira");
  for (const theme of THEMES) {
    await mira.context.addCookies([{ name: "sotto_theme", value: theme, url: server.url }]);
    for (const path of ["/", "/signup", "/forgot", "/no-such-page"]) {
      if (path === "/no-such-page") mira.expectErrors(/status of 404/);
      await mira.goTo(path);
      await expect(mira.page.locator("html")).toHaveAttribute("data-theme", theme);
      await expectAccessible(mira.page, `${path} in ${theme}`);
    }
  }
});

test("the chat is accessible in every theme, with its panels and dialogs", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("can everybody read this?");
  await jonas.enterRoom("mira");
  await jonas.send("I hope so");
  await mira.expectMessage("I hope so");
  for (const theme of THEMES) {
    await mira.openSettings();
    await mira.at("theme-select").selectOption(theme);
    await expect(mira.page.locator("html")).toHaveAttribute("data-theme", theme);
    await expectAccessible(mira.page, `settings in ${theme}`);
    await mira.closeDialog();
    await expectAccessible(mira.page, `conversation in ${theme}`);
    await mira.safetyNumber();
    await expectAccessible(mira.page, `lock panel in ${theme}`);
    await mira.at("panel-close").click();
    await expect(await mira.inspect("can everybody read this?")).toHaveAttribute("data-state", "stored");
    await expectAccessible(mira.page, `server view in ${theme}`);
    await mira.at("panel-close").click();
    await mira.at("signout").click();
    await expectAccessible(mira.page, `sign-out dialog in ${theme}`);
    await mira.at("signout-cancel").click();
  }
  // The choice is the browser's, from the server's first byte on.
  await mira.reload();
  await expect(mira.page.locator("html")).toHaveAttribute("data-theme", "high-contrast");
});

for (const width of [390, 320]) {
  test(`two people talk on a screen of ${width} pixels`, async ({ arrive, jonas }) => {
    const mira = await arrive("mira", { viewport: { width, height: 700 }, hasTouch: true });
    for (const path of ["/", "/signup", "/forgot"]) {
      await mira.goTo(path);
      await expectNoSideScroll(mira.page, path);
    }
    await mira.signUp();
    await expectNoSideScroll(mira.page, "empty chat");
    await mira.openRoomWith("jonas");
    const long = `https://example.test/${"very-long-word".repeat(30)}`;
    await mira.send(long);
    await expectNoSideScroll(mira.page, "conversation");
    await expect(mira.at("composer-send")).toBeInViewport();
    await mira.at("room-back").click();
    await expect(mira.room("jonas")).toBeInViewport();
    await jonas.enterRoom("mira");
    await jonas.send("I see it");
    await mira.enterRoom("jonas");
    await mira.expectMessage("I see it");
    await mira.safetyNumber();
    await expectNoSideScroll(mira.page, "lock panel");
    await expectAccessible(mira.page, `lock panel at ${width}`);
  });
}

test("the whole way from sign-up to a sent message goes by keyboard", async ({ arrive, jonas: _ }) => {
  const mira = await arrive("mira");
  await mira.goTo("/signup");
  await mira.at("signup-username").focus();
  await mira.page.keyboard.type("mira");
  await tabTo(mira.page, "signup-password");
  await mira.page.keyboard.type("correct horse battery staple");
  await mira.page.keyboard.press("Enter");
  await expect(mira.at("recovery-done")).toBeEnabled();
  await tabTo(mira.page, "recovery-done");
  await mira.page.keyboard.press("Enter");
  await mira.expectSignedIn();
  await tabTo(mira.page, "recipient-input");
  await mira.page.keyboard.type("jonas");
  await expect(mira.at("recipient-option")).toHaveCount(1);
  await mira.page.keyboard.press("ArrowDown");
  await mira.page.keyboard.press("Enter");
  await expect(mira.at("composer-input")).toBeFocused();
  await mira.page.keyboard.type("no mouse was harmed");
  await mira.page.keyboard.press("Enter");
  await mira.expectMessage("no mouse was harmed");
});

// Fails without the frame in `show_address` (navigation.rs), and without its question whether something has the focus.
test("the focus goes along to a page that a link or Back opens, and is not taken from anybody", async ({ arrive }) => {
  const mira = await arrive("mira");
  await mira.goTo("/");
  await mira.expectSignedOut();
  const main = mira.page.locator("#main");
  await expect(main).not.toBeFocused();
  await tabTo(mira.page, "signup-link");
  await mira.page.keyboard.press("Enter");
  await expect(mira.at("signup-username")).toBeVisible();
  await expect(main).toBeFocused();
  await tabTo(mira.page, "signup-username", 3);
  await mira.page.goBack();
  await expect(mira.at("signin-username")).toBeVisible();
  await expect(main).toBeFocused();

  // A page whose field takes the focus as soon as it is drawn.
  await mira.page.evaluate(() => {
    const field = () => document.querySelector<HTMLElement>("[data-testid=signup-username]")?.focus();
    new MutationObserver(field).observe(document.body, { childList: true, subtree: true });
  });
  await mira.at("signup-link").click();
  await expect(mira.at("signup-username")).toBeVisible();
  await mira.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await expect(mira.at("signup-username")).toBeFocused();
});

test("without JavaScript no form can be sent, so that no password ever is", async ({ arrive }) => {
  const mira = await arrive("mira", { javaScriptEnabled: false });
  for (const path of ["/", "/signin", "/signup", "/forgot"]) {
    await mira.goTo(path);
    const inputs = mira.page.locator("form input, form textarea, form select");
    expect(await inputs.count(), path).toBeGreaterThan(0);
    for (const input of await inputs.all()) await expect(input, path).not.toHaveAttribute("name");
    for (const button of await mira.page.locator("form [type=submit], form button:not([type=button])").all()) await expect(button, path).toBeDisabled();

    const address = mira.page.url();
    const requests: string[] = [];
    mira.page.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
    for (const input of await inputs.all()) {
      await input.fill("typed-before-anything-runs");
      await input.press("Enter");
    }
    expect(mira.page.url(), path).toBe(address);
    expect(requests, path).toEqual([]);
    mira.page.removeAllListeners("request");
  }
});

/** Presses Tab, fewer than `within` times, until the element with this test id has the focus. */
async function tabTo(page: Page, testId: string, within = 60): Promise<void> {
  for (let i = 0; i < within; i += 1) {
    if (await page.getByTestId(testId).evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${testId} can't be reached by Tab`);
}
