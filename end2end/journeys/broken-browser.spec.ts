// What a browser may lack, and files that do not come: the page says so, and what to do.
import { expect, test } from "../lib/test";

/** Lines that the browser prints for what these journeys break. */
const BROKEN = [/Failed to load resource/, /Sotto did not start/, /integrity/, /net::ERR/];

for (const file of ["page.js", "page_bg.wasm"]) {
  const [stem, ending] = file.split(".");
  // Fails without `.boot-failed` in app/src/shell.rs; for the script also without ON_SCRIPT_ERROR there.
  test(`the page says so when ${file} does not load`, async ({ arrive }) => {
    const nora = await arrive("nora");
    nora.expectErrors(...BROKEN);
    await nora.page.route(new RegExp(`/assets/${stem}-[0-9a-f]+\\.${ending}$`), (route) => route.abort());
    await nora.goTo("/");
    await expect(nora.page.getByText("could not be loaded")).toBeVisible();
    await expect(nora.at("signin-submit")).toBeDisabled();
  });
}

// Fails when `Shared::receive` in frontend/src/bridge.rs passes over what it can't decode.
test("the page says so when the engine's module does not load", async ({ arrive }) => {
  const nora = await arrive("nora");
  nora.expectErrors(...BROKEN);
  await nora.page.context().route(/\/assets\/worker_bg-[0-9a-f]+\.wasm$/, (route) => route.abort());
  await nora.goTo("/");
  await expect(nora.page.getByRole("heading", { name: "Sotto did not start" })).toBeVisible();
  await expect(nora.at("reload")).toBeVisible();
});

for (const [what, line] of [
  ["IndexedDB", "Object.defineProperty(self, 'indexedDB', { value: undefined });"],
  ["Web Locks and BroadcastChannel", "Object.defineProperty(navigator, 'locks', { value: undefined }); delete self.BroadcastChannel;"],
] as const) {
  // Fails when `is_supported` in worker/src/scope.rs does not ask for it.
  test(`a browser without ${what} is told so`, async ({ arrive }) => {
    const nora = await arrive("nora");
    await nora.page.context().route(/\/assets\/worker-[0-9a-f]+\.js$/, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: `${line}\n${await answer.text()}` });
    });
    await nora.goTo("/");
    await expect(nora.page.getByRole("heading", { name: "This browser can’t run Sotto" })).toBeVisible();
    await expect(nora.at("error-banner")).toContainText("use a current browser");
  });
}
