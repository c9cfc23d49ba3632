// Groups: making one, and its members panel.
import type { Locator } from "@playwright/test";
import type { Person } from "./person";
import { expect } from "./test";

/** Makes a group of these people and comes to rest in it. */
export async function makeGroup(person: Person, name: string, people: string[]): Promise<void> {
  await person.at("new-group").click();
  await person.at("group-name").fill(name);
  for (const other of people) {
    await person.at("group-add-member").fill(other);
    await person.at("group-add-member").press("Enter");
    await expect(person.at("group-chosen").filter({ hasText: other })).toBeVisible();
  }
  await person.at("group-create").click();
  await expect(person.at("room-title")).toHaveText(name);
  // What is said from now on reaches them.
  await expect(person.at("members-open")).toHaveText(String(people.length + 1));
}

/** Opens the members panel. */
export async function openMembers(person: Person): Promise<void> {
  if (!(await person.at("members-panel").isVisible())) await person.at("members-open").click();
  await expect(person.at("members-panel")).toBeVisible();
}

/** Adds somebody in the members panel, which is open, and waits until they are in. */
export async function addMember(person: Person, name: string): Promise<void> {
  const box = person.at("members-panel").getByTestId("group-add-member");
  await box.fill(name);
  await box.press("Enter");
  await expect(member(person, name)).toHaveAttribute("data-standing", "in");
}

/** The row of somebody in the members panel. */
export function member(person: Person, name: string): Locator {
  return person.page.locator(`[data-testid="member"][data-name="${name}"]`);
}
