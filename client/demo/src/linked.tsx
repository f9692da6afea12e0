/** A text of somebody's, whose addresses are links. */

import type { JSX } from "react";

const ADDRESS = /https?:\/\/[^\s<>"\u2066-\u2069\u202a-\u202e]+/gi;
const END = /[.,;:!?'’”»)\]}]+$/; // more likely the sentence's than the address's

export interface Part {
  readonly text: string;
  readonly href: string | null; // null: it is no address
}

export function Linked({ text }: { text: string }): JSX.Element {
  return (
    <>
      {partsOf(text).map(({ text: part, href }, index) =>
        href === null ? part : <Link key={index} text={part} href={href} />,
      )}
    </>
  );
}

/** An address of these pages opens here, another one in a window of its own. */
function Link({ text, href }: { text: string; href: string }): JSX.Element {
  const isHere = new URL(href).origin === location.origin;
  return (
    <a href={href} dir="ltr" {...(isHere ? {} : { target: "_blank", rel: "noopener noreferrer" })}>
      {text}
    </a>
  );
}

export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = withoutEnd(found);
    const href = hrefOf(address);
    if (href === null) continue;
    if (index > end) parts.push({ text: text.slice(end, index), href: null });
    parts.push({ text: address, href });
    end = index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

/** The address without the signs of the sentence around it: of brackets those that it has not opened. */
function withoutEnd(found: string): string {
  const short = found.replace(END, "");
  const rest = found.slice(short.length);
  const opened = short.split("(").length - short.split(")").length;
  return opened > 0 && rest.startsWith(")") ? `${short})` : short;
}

function hrefOf(address: string): string | null {
  try {
    const { protocol, href } = new URL(address);
    return protocol === "http:" || protocol === "https:" ? href : null;
  } catch {
    return null;
  }
}
