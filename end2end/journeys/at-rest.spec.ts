// Nothing that people say is found outside their screens: not in this browser's data, not at the server, not on the wire.
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MESSAGE_KIND, sql } from "../lib/database";
import { type Finding, encodings, newMarker, search, searchFolder } from "../lib/markers";
import { dump, flip } from "../lib/storage";
import { expect, test } from "../lib/test";
import { Wire } from "../lib/wire";

// Rig: br. Fails when `seal` in crates/client writes a value without sealing it.
test("r50_at_rest_the_browsers_own_data_shows_no_text_and_no_key", async ({ mira, jonas: _ }) => {
  const [message, draft, password] = [newMarker("Message"), newMarker("Draft"), "correct horse battery staple"];
  await mira.openRoomWith("jonas");
  await mira.send(message);
  await mira.at("composer-input").fill(draft);
  await mira.openRoomWith("mira");
  await expect(mira.room("jonas").locator('[data-draft="true"]')).toBeVisible();

  const rows = await dump(mira.page);
  expect(rows.filter(({ store }) => store === "state").length).toBeGreaterThan(0);
  expect(rows.filter(({ store }) => store === "entries").length).toBeGreaterThan(0);
  const found = rows.flatMap(({ store, key, value }) => {
    const data = /^([0-9a-f]{2})*$/.test(value) ? Buffer.from(value, "hex") : Buffer.from(value);
    return [...search([message, draft, password], `${store} ${key}`, data), ...search([message, draft], `key in ${store}`, Buffer.from(key, "hex"))];
  });
  expect(found).toEqual([]);
  // The one key that is there can be used and not read.
  const keys = rows.filter(({ value }) => value.includes("CryptoKey"));
  expect(keys).toHaveLength(1);
  expect(keys[0]?.value).toContain("extractable=false");
});

// Rig: br. Fails when the engine skips rows that do not open instead of answering `Phase::Broken`.
test("r50_at_rest_a_flipped_byte_is_refused_cleanly_and_nothing_is_lost", async ({ mira, jonas: _ }) => {
  await mira.openRoomWith("jonas");
  await mira.send("whole again");
  await mira.expectMessage("whole again", ["sent", "delivered", "read"]);
  const state = (await dump(mira.page)).filter(({ store }) => store === "state");
  // First byte (nonce), last byte (tag), of the first, a middle and the last row.
  const rows = [0, Math.floor(state.length / 2), state.length - 1].map((index) => state[index]?.key ?? "");
  for (const [index, key] of rows.entries()) {
    const at = index % 2 === 0 ? 0 : -1;
    await flip(mira.page, "state", key, at);
    await mira.reload();
    await expect(mira.at("error-banner")).toContainText("does not open");
    await expect(mira.at("timeline")).toHaveCount(0);
    await flip(mira.page, "state", key, at);
  }
  await mira.reload();
  await mira.expectSignedIn();
  await mira.enterRoom("jonas");
  await mira.expectMessage("whole again");
});

test.describe("with logs at their loudest", () => {
  test.use({ settings: { SOTTO_LOG: "trace", RUST_LOG: "trace", RUST_BACKTRACE: "full" } });

  // Rig: br, db. Fails when the engine hands text to `Effect::Send` without MLS, or a log line prints a frame's content.
  test("r51_grep_no_marker_in_data_folder_logs_or_on_the_wire", async ({ mira, jonas, server }) => {
    const wires = [new Wire(mira.context), new Wire(jonas.context)];
    const markers = ["Message", "Answer", "Draft", "Note", "Search", "Password"].map(newMarker);
    const [message = "", answer = "", draft = "", note = "", searched = "", password = ""] = markers;
    // New sockets, so that every frame is recorded from the first on.
    for (const person of [mira, jonas]) {
      await person.reload();
      await person.expectSignedIn();
    }

    await mira.openRoomWith("jonas");
    await mira.send(message);
    await jonas.enterRoom("mira");
    await jonas.expectMessage(message);
    await jonas.send(answer);
    await mira.expectMessage(answer);
    await mira.at("composer-input").fill(draft);
    await mira.openRoomWith("mira");
    await expect(mira.room("jonas").locator('[data-draft="true"]')).toBeVisible();
    await mira.send(note);
    await mira.expectMessage(note, ["sent", "delivered", "read"]);
    await mira.changePassword("correct horse battery staple", password);

    // A people search is a question to the server, so it is on the wire; but it is not kept or logged.
    await mira.at("recipient-input").fill(searched.slice(0, 30));
    await expect(mira.page.getByText("Nobody here begins with that.")).toBeVisible();
    const secret = markers.filter((marker) => marker !== searched);

    const inFolder = await searchFolder(markers, server.dataDir);
    expect(inFolder.files.length).toBeGreaterThan(0);
    const onWire = (await Promise.all(wires.map((wire) => wire.search(secret)))).flat();
    for (const wire of wires) expect(wire.frames, "recorded frames").toBeGreaterThan(0);
    expect(server.log.length).toBeGreaterThan(0);
    const inLog = search(markers, "log", Buffer.from(server.log));
    expect([...inFolder.findings, ...onWire, ...inLog] satisfies Finding[]).toEqual([]);

    // After the end too: what a clean shutdown writes.
    await server.kill();
    expect((await searchFolder(markers, server.dataDir)).findings).toEqual([]);
  });
});

// The search itself: it has to fail when a marker is stored in the clear, whatever the form.
test("r51_grep_finds_a_marker_that_is_stored_in_the_clear", async ({ server }) => {
  const marker = newMarker("Planted");
  expect((await searchFolder([marker], server.dataDir)).findings).toEqual([]);

  // In the running server's own database: it stands in the WAL first.
  sql(server.dataDir, "CREATE TABLE planted (words TEXT)");
  sql(server.dataDir, "INSERT INTO planted VALUES (?)", `before ${marker} after`);
  const { findings } = await searchFolder([marker], server.dataDir);
  expect(findings.map(({ encoding }) => encoding)).toContain("raw");

  const folder = await mkdtemp(join(tmpdir(), "sotto-planted-"));
  for (const [encoding, form] of encodings(marker)) {
    await writeFile(join(folder, "file"), Buffer.concat([Buffer.from([0, 255, 7]), form, Buffer.from([9])]));
    expect((await searchFolder([marker], folder)).findings.map((finding) => finding.encoding)).toContain(encoding);
  }
  // Base64 at every offset, inside a longer text.
  for (const before of ["", "a", "ab", "abc"]) {
    await writeFile(join(folder, "file"), Buffer.from(`${before}${marker}tail`).toString("base64url"));
    expect((await searchFolder([marker], folder)).findings.length).toBeGreaterThan(0);
  }
  await writeFile(join(folder, "file"), "nothing here");
  await copyFile(join(folder, "file"), join(folder, "other"));
  expect((await searchFolder([marker], folder)).findings).toEqual([]);
  expect((await readFile(join(folder, "other"))).length).toBeGreaterThan(0);
  await rm(folder, { recursive: true });
});

// Rig: db. Fails without `.padding_size(512)` in the engine's MLS settings.
test("r53_padding_one_letter_and_two_hundred_are_stored_alike", async ({ mira, jonas, server }) => {
  await jonas.closeTab();
  await mira.openRoomWith("jonas");
  await mira.send("x");
  await mira.expectMessage("x", "sent");
  await mira.send("y".repeat(200));
  await mira.expectMessage("y".repeat(200), "sent");
  const lengths = sql(server.dataDir, "SELECT length(bytes) FROM log WHERE kind = ? ORDER BY id", MESSAGE_KIND).rows.map(([length]) => length);
  expect(lengths.length).toBeGreaterThanOrEqual(2);
  expect(new Set(lengths).size).toBe(1);
});
