// A real `sotto serve` with a fresh data folder, which can be killed and started again on the same port and data.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.SOTTO_BIN ?? resolve(__dirname, "../../target/debug/sotto");

export class Server {
  readonly url: string;
  /** Everything that it has printed on both streams, over all its lives. */
  log = "";
  private child: ChildProcess | undefined;

  private constructor(
    readonly dataDir: string,
    private readonly port: number,
    private readonly settings: Record<string, string>,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts one on a free port. `settings` are more `SOTTO_…` variables. */
  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const dataDir = await mkdtemp(join(tmpdir(), "sotto-end2end-"));
    const server = new Server(dataDir, await freePort(), settings);
    await server.run();
    return server;
  }

  /** Starts it and waits until it says that it listens. */
  async run(): Promise<void> {
    const child = spawn(BINARY, ["serve"], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    child.stderr.on("data", (chunk) => (this.log += chunk));
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((ready, failed) => {
      lines.on("line", (line) => {
        this.log += `${line}\n`;
        if (line.startsWith("listening on ")) ready();
      });
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`sotto ended with ${code} before it listened:\n${this.log}`)));
    });
  }

  /** Runs another command of the binary on the data, while the server is stopped. */
  async command(...words: string[]): Promise<void> {
    const child = spawn(BINARY, words, { env: this.env, stdio: "ignore" });
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`sotto ${words.join(" ")} ended with ${code}`);
  }

  /** Kills it as a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops it in peace. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** Stops it in peace and removes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      SOTTO_LISTEN: `127.0.0.1:${this.port}`,
      SOTTO_PUBLIC_URL: this.url,
      SOTTO_DATA_DIR: this.dataDir,
      ...this.settings,
    };
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
