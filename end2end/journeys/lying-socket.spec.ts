// A server that lies on the sync socket: a proxy between real browsers and the real server changes what it sends.
import { LyingProxy } from "../lib/proxy";
import { Server } from "../lib/server";
import { expect, test as base } from "../lib/test";

interface Fixtures {
  liar: LyingProxy;
}

const test = base.extend<Fixtures>({
  liar: async ({}, use) => {
    const liar = await LyingProxy.start();
    await use(liar);
    await liar.stop();
  },

  server: async ({ liar }, use) => {
    const server = await Server.start({ SOTTO_PUBLIC_URL: liar.url });
    liar.to = Number(new URL(server.url).port);
    await use(server);
    await server.remove();
  },

  // Nobody comes past the liar.
  address: async ({ liar, server: _ }, use) => use(liar.url),
});

// Rig: br, px. Fails without `entry.seq <= room.cursor` in the engine's `expected`.
test("r33_replay_every_frame_three_times_is_shown_once", async ({ mira, jonas, liar }) => {
  let frames = 0;
  liar.change = (message) => {
    frames += 1;
    return [message, message, message];
  };
  for (const person of [mira, jonas]) {
    await person.reload();
    await person.expectOnline();
  }
  await mira.openRoomWith("jonas");
  await jonas.enterRoom("mira");
  const said = ["one", "two", "three"];
  for (const text of said) {
    await mira.send(text);
    await jonas.expectMessage(text);
    await jonas.send(`${text} to you`);
    await mira.expectMessage(`${text} to you`);
  }
  const expected = said.flatMap((text) => [text, `${text} to you`]);
  for (const person of [mira, jonas]) {
    expect(await person.texts()).toEqual(expected);
    await person.reload();
    await person.expectOnline();
  }
  await mira.enterRoom("jonas");
  await jonas.enterRoom("mira");
  await jonas.send("the ratchet is whole");
  await mira.expectMessage("the ratchet is whole");
  for (const person of [mira, jonas]) expect(await person.texts()).toEqual([...expected, "the ratchet is whole"]);
  expect(frames).toBeGreaterThan(20);
});
