import gifenc from 'gifenc';
import type { Browser, Page } from 'playwright-core';

const { applyPalette, GIFEncoder, quantize } = gifenc;

export interface Frame {
  readonly png: Buffer;
  readonly caption: string;
  readonly pointer: { readonly x: number; readonly y: number } | null;
  readonly ms: number;
}

/** The height in pixels of the caption's strip under the picture. */
const STRIP = 56;
/** Of a GIF's 256 colours, one means “as before”. */
const COLOURS = 255;

/**
 * Runs in a separate page, because the demo's page allows no scripts from elsewhere. Draws a frame with its pointer and
 * caption, and returns the pixels in base64.
 */
const DRAW = `async ({ png, caption, pointer, strip }) => {
  const picture = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height + strip);
  const ink = canvas.getContext('2d');
  ink.fillStyle = '#1d1c1d';
  ink.fillRect(0, 0, canvas.width, canvas.height);
  ink.drawImage(picture, 0, 0);
  ink.fillStyle = '#ffffff';
  ink.font = '600 20px Lato, "DejaVu Sans", sans-serif';
  ink.textAlign = 'center';
  ink.textBaseline = 'middle';
  ink.fillText(caption, canvas.width / 2, picture.height + strip / 2);
  if (pointer !== null) {
    ink.translate(pointer.x, pointer.y);
    ink.beginPath();
    for (const [x, y] of [[0, 0], [0, 20], [5, 15], [9, 24], [12, 22], [8, 14], [15, 14]]) ink.lineTo(x, y);
    ink.closePath();
    ink.fillStyle = '#000000';
    ink.strokeStyle = '#ffffff';
    ink.lineWidth = 1.5;
    ink.fill();
    ink.stroke();
  }
  const { data } = ink.getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return { width: canvas.width, height: canvas.height, pixels: btoa(text) };
}`;

interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly pixels: string;
}

/** The frames as an endless GIF, which stores only each frame's changes. */
export async function filmOf(browser: Browser, frames: readonly Frame[]): Promise<Uint8Array> {
  const studio = await browser.newPage();
  const drawn: (Omit<Drawn, 'pixels'> & { readonly rgba: Uint8Array; readonly ms: number })[] = [];
  for (const { png, caption, pointer, ms } of frames) {
    const { width, height, pixels } = await draw(studio, { png: png.toString('base64'), caption, pointer });
    drawn.push({ width, height, ms, rgba: new Uint8Array(Buffer.from(pixels, 'base64')) });
  }
  await studio.close();
  const palette = quantize(new Uint8Array(Buffer.concat(drawn.map(({ rgba }) => rgba))), COLOURS);
  const asBefore = palette.length;
  palette.push([0, 0, 0]);
  const gif = GIFEncoder();
  let before: Uint8Array | null = null;
  for (const { width, height, rgba, ms } of drawn) {
    const indices = applyPalette(rgba, palette.slice(0, asBefore));
    const last = before;
    const changed = last === null ? indices : indices.map((index, at) => (index === last[at] ? asBefore : index));
    const later = { delay: ms, transparent: true, transparentIndex: asBefore, dispose: 1 };
    gif.writeFrame(changed, width, height, last === null ? { palette, delay: ms, dispose: 1 } : later);
    before = indices;
  }
  gif.finish();
  return gif.bytes();
}

async function draw(studio: Page, frame: Omit<Frame, 'png' | 'ms'> & { readonly png: string }): Promise<Drawn> {
  return studio.evaluate<Drawn>(`(${DRAW})(${JSON.stringify({ ...frame, strip: STRIP })})`);
}
