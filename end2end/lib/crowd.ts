// Friends who fill a person's rooms while the server is stopped: real engines and the real services on its data folder
// (crates/sim/examples/crowd.rs). In one process from the first room to the last text, because their keys are in its memory.
//
// SOTTO_CROWD     the `crowd` binary (default: the workspace's debug build)
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.SOTTO_CROWD ?? resolve(__dirname, "../../target/debug/examples/crowd");

export class Crowd {
  private constructor(
    private readonly child: ChildProcess,
    private readonly heard: AsyncIterator<string>,
  ) {}

  /** `old` friends make their rooms with `name`, who has an account there; `fresh` more will come, and `texts` is what each will say. */
  static async meet(dataDir: string, name: string, old: number, fresh: number, texts: number): Promise<Crowd> {
    const child = spawn(BINARY, [dataDir, name, String(old), String(fresh), String(texts)], { stdio: ["pipe", "pipe", "inherit"] });
    const crowd = new Crowd(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await crowd.hear("met");
    return crowd;
  }

  /** Everybody says everything. */
  async talk(): Promise<void> {
    this.child.stdin?.write("\n");
    await this.hear("said");
  }

  /** Ends it, wherever it is. */
  end(): void {
    this.child.kill();
  }

  private async hear(word: string): Promise<void> {
    const { value, done } = await this.heard.next();
    if (done || value !== word) throw new Error(`the crowd ended, or said ${value}, before it had ${word}`);
  }
}
