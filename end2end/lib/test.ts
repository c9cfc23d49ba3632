// The `test` of all journeys: a server of its own for each, people who arrive when they are named, and no unannounced error.
import { type BrowserContextOptions, test as base } from "@playwright/test";
import { Person } from "./person";
import { Server } from "./server";

export { expect } from "@playwright/test";

interface Fixtures {
  /** More `SOTTO_…` variables for the server: `test.use({ settings: … })`. */
  settings: Record<string, string>;
  server: Server;
  /** Where people find it. */
  address: string;
  /** Brings a person with a browser of their own. */
  arrive: (name: string, options?: BrowserContextOptions) => Promise<Person>;
  /** Two people with accounts. */
  mira: Person;
  jonas: Person;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],

  server: async ({ settings }, use, info) => {
    const server = await Server.start(settings);
    await use(server);
    if (info.status !== info.expectedStatus) await info.attach("server.log", { body: server.log, contentType: "text/plain" });
    await server.remove();
  },

  address: async ({ server }, use) => use(server.url),

  arrive: async ({ browser, address }, use) => {
    const people: Person[] = [];
    await use(async (name, options) => {
      const person = await Person.arrive(browser, address, name, options);
      people.push(person);
      return person;
    });
    for (const person of people) await person.leave();
  },

  mira: async ({ arrive }, use) => {
    const mira = await arrive("mira");
    await mira.signUp();
    await use(mira);
  },

  jonas: async ({ arrive }, use) => {
    const jonas = await arrive("jonas");
    await jonas.signUp();
    await use(jonas);
  },
});
