// Many texts at once, and everything that a page can show.
import { expect, type Page } from "@playwright/test";

/** In the page: types and sends texts as fast as it takes them, or one in `pause` milliseconds, and does not wait for what becomes of them. */
export async function typeAll([texts, pause]: readonly [string[], number]): Promise<void> {
  const field = document.querySelector<HTMLTextAreaElement>('[data-testid="composer-input"]');
  const form = field?.closest("form");
  if (!field || !form) throw new Error("no composer");
  for (const text of texts) {
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    // The button is enabled by then.
    await new Promise((done) => setTimeout(done, 0));
    form.requestSubmit();
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** The same for a page of Playwright's. */
export function sendAll(page: Page, texts: string[], pause = 0): Promise<void> {
  return page.evaluate(typeAll, [texts, pause] as const);
}

/** Every text of a room that a page can show, from the first on. */
export async function allTexts(page: Page): Promise<string[]> {
  while (await page.getByTestId("load-older").isVisible()) {
    const before = await page.getByTestId("message").count();
    await page.getByTestId("load-older").click();
    await expect.poll(() => page.getByTestId("message").count()).toBeGreaterThan(before);
  }
  return page.getByTestId("message-text").allInnerTexts();
}

/** Waits until no message that a page shows waits for the server. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('[data-testid="message"][data-status="sending"]')).toHaveCount(0, { timeout: 60_000 });
}

export function numbered(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${what} ${index + 1}`);
}
