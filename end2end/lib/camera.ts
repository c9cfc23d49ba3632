// What Chromium's fake camera sees: a file of one picture, written when it is known what shall be in it.
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Page } from "@playwright/test";

const WIDTH = 640;
const HEIGHT = 480;

/** A camera of one test worker. */
export class Camera {
  private readonly file = join(tmpdir(), `sotto-camera-${process.pid}.y4m`);

  /** Flags of a browser that has it. The file is read when somebody switches the camera on. */
  get flags(): string[] {
    return ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${this.file}`];
  }

  /** From now on it sees this picture, three fifths as high as what it sees, on a grey ground. */
  async show(page: Page, png: Buffer): Promise<void> {
    const grey = await page.evaluate(
      async ({ png, width, height }) => {
        const image = new Image();
        image.src = `data:image/png;base64,${png}`;
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = width;
        canvas.height = height;
        const context = canvas.getContext("2d");
        if (!context) throw new Error("no canvas");
        context.fillStyle = "#888";
        context.fillRect(0, 0, width, height);
        const side = (height * 3) / 5;
        context.drawImage(image, (width - side) / 2, (height - side) / 2, side, side);
        const { data } = context.getImageData(0, 0, width, height);
        const channel = (at: number) => data[at] ?? 0;
        return Array.from({ length: width * height }, (_, at) => (channel(4 * at) + channel(4 * at + 1) + channel(4 * at + 2)) / 3);
      },
      { png: png.toString("base64"), width: WIDTH, height: HEIGHT },
    );
    // YUV4MPEG2, one frame: brightness of each pixel, then the two planes of colour, a quarter as large.
    const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`);
    writeFileSync(this.file, Buffer.concat([head, Buffer.from(grey), Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]));
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}
