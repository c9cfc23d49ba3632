// A malicious server: a TCP proxy before the real one, which changes what the frames of its sync socket become.
import { once } from "node:events";
import { type AddressInfo, type Server as Listener, type Socket, connect, createServer } from "node:net";

/** What a client gets instead of one binary message. */
export type Change = (message: Buffer) => Buffer[];

const BINARY = 2;

export class LyingProxy {
  /** Applies to every message from now on. */
  change: Change = (message) => [message];
  /** Port of the real server. */
  to = 0;
  private readonly open = new Set<Socket>();

  private constructor(private readonly listener: Listener) {
    listener.on("connection", (client) => this.serve(client));
  }

  static async start(): Promise<LyingProxy> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new LyingProxy(listener);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    this.listener.close();
    await once(this.listener, "close");
  }

  private serve(client: Socket): void {
    const server = connect(this.to, "127.0.0.1");
    for (const [one, other] of [[client, server], [server, client]] as const) {
      this.open.add(one);
      // Either end may vanish, as real ones do.
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.open.delete(one);
        other.destroy();
      });
    }
    client.pipe(server);
    const frames = new Frames((message) => this.change(message));
    server.on("data", (bytes) => client.write(frames.pass(bytes)));
  }
}

/** Bytes from the server: HTTP as it is, or, after a switch of protocols, WebSocket frames (RFC 6455 §5.2). */
class Frames {
  private rest = Buffer.alloc(0);
  private mode: "head" | "http" | "frames" = "head";

  constructor(private readonly change: Change) {}

  pass(bytes: Buffer): Buffer {
    if (this.mode === "http") return bytes;
    this.rest = Buffer.concat([this.rest, bytes]);
    const out: Buffer[] = [];
    if (this.mode === "head") {
      const end = this.rest.indexOf("\r\n\r\n");
      if (end < 0) return Buffer.alloc(0);
      this.mode = this.rest.subarray(0, 12).toString() === "HTTP/1.1 101" ? "frames" : "http";
      out.push(this.take(end + 4));
      if (this.mode === "http") out.push(this.take(this.rest.length));
    }
    for (let frame = this.frame(); frame; frame = this.frame()) out.push(frame);
    return Buffer.concat(out);
  }

  /** The next whole frame, or what it becomes. Ours are never fragmented, and a server's are never masked. */
  private frame(): Buffer | undefined {
    if (this.mode !== "frames" || this.rest.length < 2) return undefined;
    const short = (this.rest[1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (this.rest.length < head) return undefined;
    const length = short === 126 ? this.rest.readUInt16BE(2) : short === 127 ? Number(this.rest.readBigUInt64BE(2)) : short;
    if (this.rest.length < head + length) return undefined;
    const isBinary = ((this.rest[0] ?? 0) & 0x0f) === BINARY;
    const frame = this.take(head + length);
    return isBinary ? Buffer.concat(this.change(frame.subarray(head)).map(encode)) : frame;
  }

  private take(length: number): Buffer {
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }
}

function encode(message: Buffer): Buffer {
  const head = Buffer.from([0x80 | BINARY, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(message.length), 2);
  if (message.length > 0xffff) return Buffer.concat([head, message]);
  // The shortest form is the only one allowed.
  const short = message.length < 126 ? Buffer.from([0x80 | BINARY, message.length]) : Buffer.from([0x80 | BINARY, 126, 0, 0]);
  if (message.length >= 126) short.writeUInt16BE(message.length, 2);
  return Buffer.concat([short, message]);
}
