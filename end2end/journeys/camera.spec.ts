// Comparing safety numbers with the camera. Chromium on this system has no `BarcodeDetector`, so the reader is ours.
import { launchOptions } from "../lib/browser";
import { Camera } from "../lib/camera";
import type { Person } from "../lib/person";
import { expect, test } from "../lib/test";

const camera = new Camera();

test.use({ launchOptions: launchOptions(camera.flags) });
test.afterAll(() => camera.remove());

// Fails without `data-scanner` in app/src/shell.rs, and when the page's Trusted Types policy refuses the reader's script.
test("a person's code is read by the camera, another person's is not theirs, and the camera is switched off afterwards", async ({
  mira,
  jonas,
  arrive,
}) => {
  const eve = await arrive("eve");
  await eve.signUp();
  await mira.openRoomWith("jonas");
  await mira.send("shall we compare?");
  await jonas.enterRoom("mira");
  await jonas.safetyNumber();
  await eve.openRoomWith("mira");
  await eve.safetyNumber();
  await mira.safetyNumber();
  expect(await mira.page.evaluate(() => "BarcodeDetector" in globalThis)).toBe(false);
  const scan = async (whose: Person) => {
    await camera.show(mira.page, await whose.at("safety-qr").screenshot());
    await mira.at("safety-scan").click();
  };
  await scan(eve);
  await expect(mira.at("safety-result")).toHaveAttribute("data-same", "false");
  await expect(mira.page.locator("video")).toHaveCount(0);
  await expect(mira.at("safety-state")).toHaveAttribute("data-verified", "false");
  await scan(jonas);
  await expect(mira.at("safety-state")).toHaveAttribute("data-verified", "true");
  await expect(mira.page.locator("video")).toHaveCount(0);
});

test("somebody who stops scanning can compare in another way", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("shall we compare?");
  await jonas.enterRoom("mira");
  await jonas.safetyNumber();
  await mira.safetyNumber();
  await camera.show(mira.page, await mira.at("lock-badge").screenshot());
  await mira.at("safety-scan").click();
  await expect(mira.page.locator("video")).toBeVisible();
  await mira.at("safety-scan-stop").click();
  await expect(mira.page.locator("video")).toHaveCount(0);
  await expect(mira.at("safety-result")).toHaveCount(0);
  await expect(mira.at("safety-compare")).toBeEnabled();
});
