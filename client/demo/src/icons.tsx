/** Line drawings, 24 by 24, in the colour of the text. */

import type { JSX } from "react";

const PATHS = {
  shop: "M4 9h16l-1.2 11H5.2L4 9Zm4.5 0V7a3.5 3.5 0 0 1 7 0v2",
  orders: "M6 3h12v18l-3-2-3 2-3-2-3 2V3Zm3 5h6M9 12h6",
  board: "M4 4h4.5v16H4zM10 4h4.5v10H10zM16 4h4.5v13H16z",
  chart: "M4 20h16M6.5 16v-4M11 16V6M15.5 16V9",
  stock: "M4 8l8-4.5L20 8v8.5L12 21l-8-4.5V8Zm0 0l8 4.5L20 8M12 12.5V21",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2.5h-15L6 16Zm4 4.5h4",
  send: "M4 12 20 4l-5 16-3.5-6.5L4 12Zm7.5 1.5L20 4",
  sun: "M12 7.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M5 19l1.7-1.7M17.3 6.7 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  leave: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
  close: "M6 6l12 12M18 6 6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  minus: "M5 12h14",
  plus: "M12 5v14M5 12h14",
  leaf: "M5 19C4 10 10 4 20 4c0 10-6 16-15 15Zm0 0 8-8",
  pot: "M6 10h10v7a3 3 0 0 1-3 3H9a3 3 0 0 1-3-3v-7Zm10 1.5c4-1 4 5 0 5M5 10h12M9 7c0-2 2-2 2-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
