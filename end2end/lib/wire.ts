// Records what goes over the wire between a person's browser and the server after TLS is put aside: requests, answers, frames.
import type { BrowserContext, Page, Request, WebSocket } from "@playwright/test";
import { type Finding, search } from "./markers";

interface Piece {
  place: string;
  data: Buffer;
}

export class Wire {
  readonly pieces: Piece[] = [];
  /** Frames of WebSockets in both directions, so that a test can see that the recording is not empty. */
  frames = 0;
  private readonly pending: Promise<void>[] = [];

  constructor(context: BrowserContext) {
    context.on("request", (request) => this.keep(`${request.method()} ${request.url()}`, requestBytes(request)));
    context.on("requestfinished", (request) => this.pending.push(this.keepAnswer(request)));
    context.on("page", (page) => this.listen(page));
    for (const page of context.pages()) this.listen(page);
  }

  /** Everything that was recorded so far, searched for markers. */
  async search(markers: string[]): Promise<Finding[]> {
    await Promise.all(this.pending);
    return this.pieces.flatMap(({ place, data }) => search(markers, place, data));
  }

  private listen(page: Page): void {
    page.on("websocket", (socket) => this.listenTo(socket));
  }

  private listenTo(socket: WebSocket): void {
    const frame = (direction: string) => (sent: { payload: string | Buffer }) => {
      this.frames += 1;
      this.keep(`${direction} ${socket.url()}`, Buffer.from(sent.payload));
    };
    socket.on("framesent", frame("frame to"));
    socket.on("framereceived", frame("frame from"));
  }

  private async keepAnswer(request: Request): Promise<void> {
    const response = await request.response();
    if (!response) return;
    // A body is gone where the browser went on to another page; its headers stay.
    const body = await response.body().catch(() => Buffer.alloc(0));
    this.keep(`answer of ${request.url()}`, Buffer.concat([Buffer.from(JSON.stringify(response.headers())), body]));
  }

  private keep(place: string, data: Buffer): void {
    this.pieces.push({ place, data });
  }
}

function requestBytes(request: Request): Buffer {
  const head = `${request.url()}\n${JSON.stringify(request.headers())}\n`;
  return Buffer.concat([Buffer.from(head), request.postDataBuffer() ?? Buffer.alloc(0)]);
}
