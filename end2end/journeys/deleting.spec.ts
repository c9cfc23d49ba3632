// The end of an account: what has to be done before, what its person sees, and what others do.
import { makeGroup, member, openMembers } from "../lib/groups";
import { FAILED_REQUEST, PASSWORD } from "../lib/person";
import { databases } from "../lib/storage";
import { expect, test } from "../lib/test";

// Fails without `groups_to_hand_over`, without `sign_out` in `delete_account` (nothing is wiped), and without `account_deleted` (client/engine).
test("r70_deletion_an_account_goes_for_good_and_others_see_it", async ({ mira, jonas }) => {
  await mira.openRoomWith("jonas");
  await mira.send("see you");
  await jonas.enterRoom("mira");
  await jonas.expectMessage("see you");
  await makeGroup(mira, "The board", ["jonas"]);
  await jonas.enterRoom("The board");

  await mira.openSettings();
  await mira.at("delete-account").click();
  await expect(mira.at("delete-account-first")).toContainText("The board");
  await mira.closeDialog();
  await openMembers(mira);
  await member(mira, "jonas").getByTestId("member-menu").click();
  await member(mira, "jonas").getByTestId("member-make-owner").click();
  await expect(member(mira, "jonas")).toHaveAttribute("data-role", "owner");
  await mira.openSettings();
  await mira.at("delete-account").click();
  await mira.at("delete-account-not").click();
  await mira.at("delete-account").click();
  mira.expectErrors(FAILED_REQUEST.status(401), FAILED_REQUEST.status(403), /WebSocket connection to/);
  await mira.at("delete-account-password").fill("not my password at all");
  await mira.at("delete-account-submit").click();
  await expect(mira.at("error-banner")).toContainText("not right");
  await mira.at("delete-account-password").fill(PASSWORD);
  await mira.at("delete-account-submit").click();
  await mira.expectSignedOut();
  expect(await databases(mira.page)).not.toContain("sotto");
  await mira.trySignIn(PASSWORD);
  await expect(mira.at("error-banner")).toContainText("not right");

  await expect(jonas.at("system-line").filter({ hasText: "mira deleted their account" })).toBeVisible();
  await jonas.send("just me now");
  await openMembers(jonas);
  await expect(member(jonas, "mira")).toHaveAttribute("data-standing", "deleted");
  await jonas.enterRoom("mira");
  await expect(jonas.at("composer-send")).toBeDisabled();
  await expect(jonas.page.locator("#composer-hint")).toContainText("deleted their account");
  await jonas.expectMessage("see you");
});
