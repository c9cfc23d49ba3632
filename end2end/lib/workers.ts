// What a journey does to the workers of a page, and asks of them.
import type { Page, Route } from "@playwright/test";
import type { Person } from "./person";

/** Runs a script in every worker of a person's browser before the worker's own. */
export async function inWorkers(person: Person, script: string): Promise<void> {
  await person.context.route(/\/assets\/worker-[0-9a-f]+\.js$/, async (route: Route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `${script}\n${await answer.text()}` });
  });
}

/** For [`inWorkers`]: keeps hold of the memory of the engine's module. */
export const KEEP_MEMORY = `{
  const start = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...parts) => {
    const made = await start.apply(WebAssembly, parts);
    self.engineMemory = made.instance.exports.memory;
    return made;
  };
}`;

/** Bytes of the engine's memory, which grows and never shrinks. */
export async function engineMemory(page: Page): Promise<number> {
  const worker = page.workers()[0];
  if (!worker) throw new Error("no worker");
  return worker.evaluate(() => (self as unknown as { engineMemory: WebAssembly.Memory }).engineMemory.buffer.byteLength);
}
