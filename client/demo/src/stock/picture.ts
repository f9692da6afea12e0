/** Makes pictures as small as the shop shows them. */

import { ApiError } from "../../../src/index";

const WIDTH = 640;
const HEIGHT = 416;
const MAX_BYTES = 131_072; // that the service takes
const QUALITIES = [0.85, 0.65, 0.45, 0.25];

/** The file's picture, cut to the shape of the shop's, in base64. Rejects with ApiError. */
export async function smallPicture(file: File): Promise<string> {
  const image = await createImageBitmap(file).catch(() => {
    throw new ApiError(422, "no_picture", "This file is no picture that the browser can read.");
  });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const scale = Math.max(WIDTH / image.width, HEIGHT / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d")?.drawImage(image, (WIDTH - width) / 2, (HEIGHT - height) / 2, width, height);
  image.close();
  for (const quality of QUALITIES) {
    const blob = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, "image/jpeg", quality);
    });
    if (blob !== null && blob.size <= MAX_BYTES) return base64(new Uint8Array(await blob.arrayBuffer()));
  }
  throw new ApiError(422, "no_picture", "This picture cannot be made small enough.");
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
