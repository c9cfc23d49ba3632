// A server that lies about how passwords are derived: a proxy between a real page and the real server changes the parameters.
import { type Page } from "@playwright/test";
import { FAILED_REQUEST, PASSWORD } from "../lib/person";
import { expect, test } from "../lib/test";

interface Kdf {
  memory_kib: number;
  passes: number;
  lanes: number;
  salt: string;
}

/** Changes what `login_params` answers, and notes when, and every request that carries something derived from a password. */
async function lie(page: Page, change: (kdf: Kdf) => Kdf): Promise<{ sent: string[]; liedAt: number }> {
  await page.unrouteAll();
  const seen = { sent: [] as string[], liedAt: 0 };
  await page.route("**/api/account/*", async (route) => {
    const request = route.request();
    if (!request.url().endsWith("/login_params")) {
      seen.sent.push(request.postData() ?? "");
      return route.continue();
    }
    const answer = await route.fetch();
    seen.liedAt = Date.now();
    return route.fulfill({ response: answer, json: change((await answer.json()) as Kdf) });
  });
  return seen;
}

// Rig: br, px. Fails when `check_bounds` in crates/client/src/kdf.rs lets the memory or the passes be lower than the floor.
test("r01_kdf_floor_nothing_derived_is_sent_when_the_server_asks_for_too_little", async ({ arrive }) => {
  const nora = await arrive("nora");
  await nora.goTo("/");
  for (const weak of [{ memory_kib: 8, passes: 1 }, { memory_kib: 8 }, { passes: 1 }, { lanes: 0 }, { salt: "AAAA" }]) {
    const { sent } = await lie(nora.page, (kdf) => ({ ...kdf, ...weak }));
    await nora.trySignIn(PASSWORD);
    await expect(nora.at("error-banner")).toContainText("protect your password badly");
    expect(sent, JSON.stringify(weak)).toEqual([]);
    await nora.reload();
  }
});

// Rig: br, px. Fails without the ceiling in `check_bounds`: the worker would reach for 4 GiB.
test("r02_kdf_ceiling_too_much_is_refused_at_once_and_the_tab_lives", async ({ arrive }) => {
  const nora = await arrive("nora");
  await nora.goTo("/");
  await expect(nora.at("signin-submit")).toBeEnabled();
  const seen = await lie(nora.page, (kdf) => ({ ...kdf, memory_kib: 4 * 1024 * 1024 }));
  await nora.trySignIn(PASSWORD);
  await expect(nora.at("error-banner")).toContainText("protect your password badly");
  expect(Date.now() - seen.liedAt, "refused without deriving").toBeLessThan(1000);
  expect(seen.sent).toEqual([]);
  expect(await nora.page.evaluate(() => 1 + 1)).toBe(2);
});

// Rig: br, px. Fails when `SignedIn` stores no pin (`profile.pins.insert` in the engine), and when `check` does not compare with it.
test("r03_kdf_pinning_lower_parameters_are_refused_and_a_new_salt_is_asked_about", async ({ mira }) => {
  mira.expectErrors(FAILED_REQUEST.status(401));
  await mira.signOut("keep");
  const lower = await lie(mira.page, (kdf) => ({ ...kdf, memory_kib: 32 * 1024 }));
  await mira.trySignIn(PASSWORD);
  await expect(mira.at("error-banner")).toContainText("weaker password protection than before");
  expect(lower.sent).toEqual([]);

  const salted = await lie(mira.page, (kdf) => ({ ...kdf, salt: "AAECAwQFBgcICQoLDA0ODw" }));
  await mira.trySignIn(PASSWORD);
  await expect(mira.at("salt-question")).toContainText("changed");
  expect(salted.sent).toEqual([]);
  await mira.at("salt-accept").click();
  // The person said so; the server does not know this key.
  await expect(mira.at("error-banner")).toContainText("not right");
  expect(salted.sent.length).toBe(1);

  // With both at once the floor of the pin stands, whatever the person says.
  const both = await lie(mira.page, (kdf) => ({ ...kdf, memory_kib: 32 * 1024, salt: "AAECAwQFBgcICQoLDA0ODw" }));
  await mira.trySignIn(PASSWORD);
  await expect(mira.at("error-banner")).toContainText("weaker password protection than before");
  expect(both.sent).toEqual([]);

  await mira.page.unrouteAll();
  await mira.signIn();
});

// Rig: br, px. Vectors of crates/client/src/kdf_vectors.rs, made with the C reference: they hold the SIMD build and the browser's
// NFKC to the same bytes. Fails when `AUTH_LABEL` changes; the second one without the call of `nfkc` in `Password::new`.
test("r04_key_separation_the_worker_gives_the_vectors_keys", async ({ arrive }) => {
  const nora = await arrive("nora");
  nora.expectErrors(FAILED_REQUEST.status(401));
  await nora.goTo("/");
  for (const { password, kdf, auth, vault } of VECTORS) {
    const { sent } = await lie(nora.page, () => kdf);
    await nora.trySignIn(password);
    await expect(nora.at("error-banner")).toContainText("not right");
    expect(sent.length).toBe(1);
    expect(sent[0]).toContain(Buffer.from(auth, "hex").toString("base64url"));
    expect(sent[0]).not.toContain(Buffer.from(vault, "hex").toString("base64url"));
    await nora.reload();
  }
});

const VECTORS = [
  {
    password: PASSWORD,
    kdf: { memory_kib: 65_536, passes: 3, lanes: 1, salt: "AAECAwQFBgcICQoLDA0ODw" },
    auth: "da3bd72af29419c882e28a39ea6d6b0290976542de6be0f6697f1e10234d1b9d",
    vault: "57aabd317ec67d8adf73d29020b80d553816db5d336d1fc71bc4074d8324f5a9",
  },
  {
    password: "cafe\u0301 \ufb01sh \u2603 \u{1f980}",
    kdf: { memory_kib: 65_536, passes: 3, lanes: 1, salt: "EBESExQVFhcYGRobHB0eHw" },
    auth: "a418e1a689c6985f229f6406549553a82486b79a2b5b53a8faba43d3d7ade39a",
    vault: "cb244130883bdb5d73d1dab9f52a543c086220867289c79b7acb2ca831ff6883",
  },
  {
    password: "two lanes",
    kdf: { memory_kib: 19_456, passes: 2, lanes: 2, salt: "AAECAwQFBgcICQoLDA0ODw" },
    auth: "6e0ba6afda41d04fecf6172e477ef206b8d503b70e1894a02c648d2f8d6e0ea4",
    vault: "eab5df0859cb33d3842caf027a83fcfd86b4ba57d3880d2e7f238498365828ac",
  },
];
