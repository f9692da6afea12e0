/** Pages of React for the tests. */
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";

const roots: { unmount(): void }[] = [];

/** Unmount what was shown. */
export function endPages(): void {
  for (const root of roots.splice(0)) root.unmount();
}

export function show(node: ReactNode) {
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  roots.push(root);
  root.render(node);
  return {
    text: () => place.textContent,
    click: () => {
      place.querySelector("button")?.click();
    },
    render: (other: ReactNode) => {
      root.render(other);
    },
  };
}
