// Hostile texts and injected scripts: nothing of them runs.
import { expect, test } from "../lib/test";
import { corpus, Traps } from "../lib/xss";

// Rig: br. Fails when `shell` in `app` answers without the nonce policy (server: the Content-Security-Policy header).
test("r19_csp_an_injected_inline_script_is_blocked", async ({ mira }) => {
  // The injected images are requested before their handlers are refused.
  mira.expectErrors(/Content Security Policy/i, /requires .Trusted|Trusted Type/i, /status of 404/);
  // By a server or a proxy that adds a script to the page: the header stays, the script has no nonce.
  await mira.page.route("**/", async (route) => {
    const answer = await route.fetch();
    expect(answer.headers()["content-security-policy"]).toContain("default-src 'none'");
    const body = (await answer.text()).replace("</body>", "<script>globalThis.__xss = 1</script><img src=x onerror='globalThis.__xss=1'></body>");
    await route.fulfill({ response: answer, body });
  });
  await mira.reload();
  await mira.expectSignedIn();
  expect(await mira.page.evaluate(() => "__xss" in globalThis)).toBe(false);
  await mira.page.unroute("**/");

  // By a hole in the page's own code.
  const outcome = await mira.page.evaluate(() => {
    const refused: string[] = [];
    const ways: [string, () => void][] = [
      [
        "script text",
        () => {
          const script = document.createElement("script");
          script.textContent = "globalThis.__xss = 1";
          document.body.append(script);
        },
      ],
      ["script address", () => Object.assign(document.createElement("script"), { src: "/assets/other.js" })],
      ["markup", () => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='globalThis.__xss = 1'>")],
      ["worker", () => new Worker("/assets/other.js")],
      ["handler", () => document.body.setAttribute("onclick", "globalThis.__xss = 1")],
      // No eval here: what the developer tools' protocol evaluates is exempt from the policy, so it would prove nothing.
    ];
    for (const [name, way] of ways) {
      try {
        way();
      } catch (refusal) {
        if (refusal instanceof TypeError) refused.push(name);
      }
    }
    document.body.click();
    return { ran: "__xss" in globalThis, refused };
  });
  expect(outcome.ran).toBe(false);
  // By Trusted Types: falls with `require-trusted-types-for` in server/src/headers.rs, and with `is_inert` in frontend.
  expect(outcome.refused.slice(0, 4)).toEqual(["script text", "script address", "markup", "worker"]);
});

// Rig: br. Fails when `Message` in app/src/chat/message.rs shows `text` through `inner_html`.
test("r22_xss_corpus_shows_every_payload_as_text", async ({ mira, jonas }) => {
  test.setTimeout(300_000);
  const payloads = corpus();
  expect(payloads.length).toBeGreaterThanOrEqual(500);
  expect(new Set(payloads).size).toBe(payloads.length);
  const traps = [new Traps(mira.page), new Traps(jonas.page)];
  await mira.openRoomWith("jonas");
  await jonas.openRoomWith("mira");

  // Many to a message: each stands on a line of its own, and the corpus is through in seconds.
  const perMessage = 25;
  const texts = Array.from({ length: Math.ceil(payloads.length / perMessage) }, (_, i) =>
    payloads.slice(i * perMessage, (i + 1) * perMessage).join("\n"),
  );
  for (const text of texts) {
    await mira.at("composer-input").fill(text);
    await mira.at("composer-input").press("Enter");
    await expect(mira.at("composer-input")).toHaveValue("");
  }
  await mira.send("the end of the corpus");
  await jonas.expectMessage("the end of the corpus");
  for (const person of [mira, jonas]) expect((await person.texts()).at(-2)?.trim()).toBe(texts.at(-1)?.trim());
  for (const trap of traps) await trap.expectQuiet();

  // As a preview in the list, as a draft, in the panel, and after a reload out of this browser's own data.
  const first = payloads[0] ?? "";
  await mira.send(first.concat(" again"));
  await mira.inspect(first.concat(" again"));
  await expect(mira.at("server-view-text")).toHaveText(first.concat(" again"));
  await mira.at("composer-input").fill(first);
  await mira.reload();
  await mira.expectSignedIn();
  await mira.enterRoom("jonas");
  await mira.expectMessage("the end of the corpus");
  for (const trap of traps) await trap.expectQuiet();
});

// Rig: br. Fails when a page shows a typed name through `inner_html`.
test("r22_xss_corpus_does_nothing_in_names_and_searches", async ({ mira, arrive }) => {
  const eve = await arrive("eve");
  const traps = [new Traps(eve.page), new Traps(mira.page)];
  await eve.goTo("/signup");
  for (const payload of corpus().filter((_, index) => index % 25 === 0)) {
    await eve.at("signup-username").fill(payload);
    await eve.at("signup-password").fill("correct horse battery staple");
    await eve.at("signup-submit").click();
    await expect(eve.at("error-banner")).toContainText("3 to 32");
    await mira.at("recipient-input").fill(payload);
    await mira.at("recipient-input").press("Enter");
    await expect(mira.at("error-banner")).toBeVisible();
  }
  for (const trap of traps) await trap.expectQuiet();
});
