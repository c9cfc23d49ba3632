// The corpus of script injections: every payload in every frame, and the traps that would notice one that ran.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";

const CANARY = "xss-canary";
// No quotes and no blanks, so that it works unquoted inside attributes too.
const CODE = `globalThis.__xss=1;fetch(\`/${CANARY}\`)`;

/** All payloads, more than 500. */
export function corpus(): string[] {
  const frames = lines("xss-frames.txt");
  return lines("xss.txt").flatMap((payload) =>
    frames.map((frame) => frame.replaceAll("HERE", () => payload).replaceAll("CODE", () => CODE).replaceAll("URL", `/${CANARY}`)),
  );
}

/** Watches a page for anything that a payload could do. */
export class Traps {
  private readonly sprung: string[] = [];

  constructor(private readonly page: Page) {
    page.context().on("request", (request) => {
      if (request.url().includes(CANARY)) this.sprung.push(`request to ${request.url()}`);
    });
    page.on("dialog", async (dialog) => {
      this.sprung.push(`dialog ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on("framenavigated", (frame) => {
      if (frame !== page.mainFrame()) this.sprung.push(`a frame at ${frame.url()}`);
    });
  }

  /** Nothing ran, nothing was fetched, no element was made of a text. */
  async expectQuiet(): Promise<void> {
    expect(this.sprung).toEqual([]);
    const state = await this.page.evaluate(() => ({
      ran: "__xss" in globalThis,
      elements: document.querySelectorAll(
        '[data-testid="message-text"] *, [data-testid="room-item"] script, iframe, object, embed, base, [data-testid="timeline"] img',
      ).length,
    }));
    expect(state).toEqual({ ran: false, elements: 0 });
  }
}

function lines(file: string): string[] {
  const text = readFileSync(join(__dirname, "../data", file), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
}
