/** gifenc has no types; these cover what is used here. */
declare module 'gifenc' {
  export type Palette = [number, number, number][];
  export interface FrameOptions {
    readonly palette?: Palette;
    readonly delay: number;
    readonly transparent?: boolean;
    readonly transparentIndex?: number;
    /** 1: what was drawn stays under the next frame. */
    readonly dispose?: number;
  }
  export interface Encoder {
    writeFrame(indices: Uint8Array, width: number, height: number, options: FrameOptions): void;
    finish(): void;
    bytes(): Uint8Array;
  }
  const gifenc: {
    GIFEncoder(): Encoder;
    quantize(rgba: Uint8Array, colours: number): Palette;
    applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array;
  };
  export default gifenc;
}
