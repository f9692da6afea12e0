/** The page at /docs/console: connects the stock Socket.IO client, and lists what arrives. */

import { io, type Socket } from "socket.io-client";
import { current, freshToken, subscribe } from "../session";
import "./console.css";

const MAX_ROWS = 200;

let socket: Socket | undefined;

const form = found("form");
const token = found("#token") as HTMLInputElement;
const session = found("#session");
const rows = found("tbody");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = token.value.trim();
  connect(() => Promise.resolve(text));
});
session.addEventListener("click", () => {
  connect(() => freshToken());
});
function offerSession(): void {
  session.hidden = current().kind !== "in";
}
subscribe(offerSession);
offerSession();

function connect(tokenOf: () => Promise<string>): void {
  socket?.disconnect();
  rows.replaceChildren();
  const made = io(location.origin, {
    forceNew: true,
    auth: (give) => {
      tokenOf().then(
        (text) => {
          give({ token: text });
        },
        (error: unknown) => {
          say(`No token: ${String(error)}`);
          made.disconnect();
        },
      );
    },
  });
  socket = made;
  say("Connecting");
  made.on("connect", () => {
    say(made.recovered ? "Connected again, with what was missed." : `Connected as session ${String(made.id)}.`);
  });
  made.on("disconnect", (reason) => {
    say(`Disconnected: ${reason}.`);
  });
  made.on("connect_error", (error: Error & { data?: { code?: string } }) => {
    const code = error.data?.code;
    say(`Not connected: ${error.message}${code === undefined ? "" : ` (${code})`}.`);
  });
  made.onAny((name: string, payload: unknown, offset: unknown) => {
    add(typeof offset === "string" ? offset : "none", name, JSON.stringify(payload, null, 1));
  });
}

function add(...texts: string[]): void {
  const row = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement("td");
    const code = document.createElement("code");
    code.textContent = text;
    code.dir = "auto";
    cell.append(code);
    row.append(cell);
  }
  rows.prepend(row);
  while (rows.children.length > MAX_ROWS) rows.lastElementChild?.remove();
}

function say(text: string): void {
  found("#state").textContent = text;
}

function found(selector: string): HTMLElement {
  const element = document.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`${selector} is missing`);
  return element;
}
