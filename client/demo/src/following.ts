/** One connection while somebody is signed in, and its way back after a refusal. */

import { currentConnection, disconnectSocket, initSocket } from "../../src/index";
import { current, freshToken, subscribe } from "./session";
import { clear } from "./toasts";
import { WayBack } from "./wayback";

let followed: string | null = null; // the user, with the role, which decides what arrives
let wayBack: WayBack | null = null;

export function startFollowing(): void {
  addEventListener("online", tryNow);
  subscribe(follow);
  follow();
}

/** After a refusal: do not wait. */
export function tryNow(): void {
  wayBack?.now();
}

function follow(): void {
  const session = current();
  const user = session.kind === "in" ? `${session.user.role} ${session.user.id}` : null;
  if (user === followed) return;
  followed = user;
  wayBack?.end();
  wayBack = null;
  disconnectSocket();
  clear();
  if (user === null) return;
  // Begin beside the handshake: the connection asks for a token after it.
  freshToken().catch(() => undefined); // it asks again, and `problem` says why
  initSocket(freshToken);
  const connection = currentConnection();
  if (connection !== null) wayBack = new WayBack(connection, freshToken);
}
