// Argon2id of a sign-in: in the worker's module and compiled for this machine, turn by turn in one run.
import { execFileSync } from "node:child_process";
import { expect, test } from "../lib/test";

const ROUNDS = 7;
const LIMIT = 1.6;

// From the answer with the parameters to the request with the derived key: what lies between is the worker's derivation.
test("Argon2id in the worker takes at most 1.6 times as long as native", async ({ arrive }) => {
  const native = process.env.SOTTO_ARGON2;
  if (!native) throw new Error("SOTTO_ARGON2 names the native program: use `make bench`");
  const nora = await arrive("nora");
  nora.expectErrors(/status of 401/);
  const times: { worker: number[]; native: number[] } = { worker: [], native: [] };
  let cold = Number.NaN;
  await nora.goTo("/");
  for (let round = 0; round <= ROUNDS; round++) {
    times.native.push(Number(execFileSync(native).toString()));
    const params = nora.page.waitForEvent("requestfinished", (request) => request.url().endsWith("/login_params"));
    const attempt = nora.page.waitForEvent("requestfinished", (request) => request.url().endsWith("/sign_in"));
    await nora.trySignIn("a password that nobody has");
    const [before, after] = [(await params).timing(), (await attempt).timing()];
    const took = after.startTime - (before.startTime + before.responseEnd);
    // The first derivation of a page also compiles the module and takes the memory: shown, and not compared with a warm native one.
    if (round === 0) cold = took;
    else times.worker.push(took);
    await expect(nora.at("error-banner")).toBeVisible();
  }
  const [worker, own] = [median(times.worker), median(times.native)];
  const spread = (list: number[]) => `${Math.min(...list).toFixed(0)} to ${Math.max(...list).toFixed(0)}`;
  console.log(`Argon2id 64 MiB, 3 passes, median of ${ROUNDS}: worker ${worker.toFixed(0)} ms (${spread(times.worker)}; the first ${cold.toFixed(0)}), `
    + `native ${own.toFixed(0)} ms (${spread(times.native)}), ratio ${(worker / own).toFixed(2)}`);
  expect(worker / own).toBeLessThanOrEqual(LIMIT);
});

function median(list: number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
