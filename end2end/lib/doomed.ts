// A Chromium that is there to be killed. Playwright's own connection does not survive every kill, so this one is asked for the little
// that is needed through the debugging pipe: to open a page and to run a script in it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import type { LaunchOptions } from "@playwright/test";

interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: { name?: string; payload?: string };
  result?: Record<string, string>;
  error?: { message: string };
}

export class Doomed {
  private asked = 0;
  private readonly answers = new Map<number, (message: Message) => void>();
  private heard: (what: string) => void = () => undefined;

  private constructor(private readonly child: ChildProcess) {
    let rest = "";
    child.stdio[4]?.on("data", (chunk) => {
      const lines = (rest + chunk).split("\0");
      rest = lines.pop() ?? "";
      for (const line of lines) this.hear(JSON.parse(line) as Message);
    });
    // What is written to a dead browser is lost.
    child.stdio[3]?.on("error", () => undefined);
  }

  /** Starts one on a profile folder in which a browser of Playwright's was before. */
  static start(folder: string, options: LaunchOptions): Doomed {
    // The rest of what Playwright asks for that decides how a profile is stored.
    const same = ["--headless", "--password-store=basic", "--use-mock-keychain", "--disable-field-trial-config"];
    const args = [...(options.args ?? []), ...same, "--remote-debugging-pipe", `--user-data-dir=${folder}`];
    // The leader of a process group: all of it is killed at once.
    const child = spawn(options.executablePath ?? "chromium", args, { detached: true, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    return new Doomed(child);
  }

  /** Opens a page that runs `script` before its own. The script tells things by `tell(text)`. */
  async open(url: string, script: string, heard: (what: string) => void): Promise<void> {
    this.heard = heard;
    const { targetId } = await this.ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true });
    await this.ask("Runtime.enable", {}, sessionId);
    await this.ask("Runtime.addBinding", { name: "tell" }, sessionId);
    await this.ask("Page.enable", {}, sessionId);
    await this.ask("Page.addScriptToEvaluateOnNewDocument", { source: script }, sessionId);
    await this.ask("Page.navigate", { url }, sessionId);
  }

  /** Ends every process of it at once; none of them can do anything about it. */
  async kill(): Promise<void> {
    if (this.child.pid === undefined) throw new Error("the browser did not start");
    const ended = once(this.child, "exit");
    process.kill(-this.child.pid, "SIGKILL");
    await ended;
  }

  private async ask(method: string, params: object, sessionId?: string): Promise<Record<string, string>> {
    const id = ++this.asked;
    const answer = new Promise<Message>((answered) => this.answers.set(id, answered));
    (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  private hear(message: Message): void {
    if (message.id !== undefined) this.answers.get(message.id)?.(message);
    if (message.method === "Runtime.bindingCalled" && message.params?.name === "tell") this.heard(message.params.payload ?? "");
  }
}
