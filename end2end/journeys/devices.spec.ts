// Several browsers of one person: each is a device of its own, and one can put another out.
import { FAILED_REQUEST, PASSWORD } from "../lib/person";
import { expect, test } from "../lib/test";

// Fails when `open_device` (client/engine/auth.rs) signs a list of the new device alone.
test("a second browser is one more device, and both talk on", async ({ mira, jonas, arrive }) => {
  await mira.openRoomWith("jonas");
  await mira.send("to the first browser");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("to the first browser");
  // The page of the archive is written when a few lines have come together.
  await mira.page.waitForTimeout(5_000);

  const elsewhere = await arrive("jonas");
  await elsewhere.signIn();
  await elsewhere.enterRoom("mira");
  // What was said before this device came, from the archive.
  await elsewhere.expectMessage("to the first browser");
  await mira.send("to both browsers");
  await elsewhere.expectMessage("to both browsers");
  await elsewhere.send("from the second browser");
  await mira.expectMessage("from the second browser");
  await elsewhere.expectMessage("from the second browser", "read");
  await jonas.expectMessage("to both browsers");
  await jonas.expectMessage("from the second browser", "read");
  await jonas.send("and from the first");
  await elsewhere.expectMessage("and from the first", "read");
});

test("a sign-in elsewhere can be ended from the list, and ends at once", async ({ mira, arrive }) => {
  const elsewhere = await arrive("mira");
  mira.expectErrors(FAILED_REQUEST.status(401), /WebSocket connection to/);
  await elsewhere.signIn();
  await elsewhere.openSettings();
  await expect(elsewhere.at("device")).toHaveCount(2);
  await elsewhere.at("session-revoke").click();
  await expect(elsewhere.at("session-revoke")).toHaveCount(0);
  await expect(mira.at("session-ended")).toBeVisible();
  // It is a device all the same, and goes on with everything that is on it.
  await mira.at("signin-again").click();
  await mira.signIn();
  await elsewhere.at("dialog-close").click();
  await elsewhere.openSettings();
  await expect(elsewhere.at("session-revoke")).toHaveCount(1);
});

// Fails without `end_of_other_devices` in the store, and without `devices_replaced` on the bus.
test("r13_revocation_a_device_is_removed_with_the_password_and_is_out_of_every_conversation", async ({ mira, jonas, arrive }) => {
  await mira.openRoomWith("jonas");
  const elsewhere = await arrive("mira");
  elsewhere.expectErrors(FAILED_REQUEST.status(401), FAILED_REQUEST.status(403), /WebSocket connection to/);
  mira.expectErrors(FAILED_REQUEST.status(401));
  await elsewhere.signIn();
  await elsewhere.enterRoom("jonas");

  await mira.openSettings();
  await expect(mira.at("device")).toHaveCount(2);
  await mira.at("device-remove").click();
  await mira.at("device-password").fill("not my password at all");
  await mira.at("device-remove-submit").click();
  await expect(mira.at("error-banner")).toContainText("not right");
  await mira.at("device-password").fill(PASSWORD);
  await mira.at("device-remove-submit").click();
  await expect(mira.at("device")).toHaveCount(1);
  await mira.at("dialog-close").click();

  await expect(elsewhere.at("replaced-signin")).toBeVisible();
  await jonas.enterRoom("mira");
  await jonas.send("for the device that is left");
  await mira.expectMessage("for the device that is left");

  // The page of the archive is written when a few lines have come together.
  await mira.page.waitForTimeout(5_000);
  await elsewhere.at("replaced-signin").click();
  await elsewhere.signIn();
  await elsewhere.enterRoom("jonas");
  await elsewhere.expectMessage("for the device that is left");
  await elsewhere.send("back, as a new device");
  await jonas.expectMessage("back, as a new device");
});
