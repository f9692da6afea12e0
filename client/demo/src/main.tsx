/**
 * The demo pages. Reading order: session (who), api (calls), live (what arrives by itself),
 * shell (the frame), then the pages: signin, shop, mine, board, stock, notices, letter.
 */

import { StrictMode, useEffect, useSyncExternalStore, type JSX } from "react";
import { createRoot } from "react-dom/client";
import { currentConnection, disconnectSocket, initSocket } from "../../src/index";
import { useConnection } from "../../src/react";
import { startRouter } from "./router";
import { current, end, freshToken, resume, subscribe } from "./session";
import { Shell } from "./shell";
import { SignIn } from "./signin";
import { clear } from "./toasts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/board.css";

const GONE = new Set(["disconnected", "token_revoked", "token_invalid"]);

function App(): JSX.Element | null {
  const session = useSyncExternalStore(subscribe, current);
  const { refusal } = useConnection();
  const isGone = session.kind === "in" && refusal !== null && GONE.has(refusal.code);
  useEffect(() => {
    if (isGone) end("You were signed out.");
  }, [isGone]);
  useEffect(() => {
    if (session.kind === "out") document.title = "Sign in · Ordercast";
  }, [session.kind]);
  switch (session.kind) {
    case "starting":
      return null;
    case "out":
      return <SignIn message={session.message} />;
    case "in":
      return <Shell user={session.user} key={session.user.id} />;
    default:
      return session satisfies never;
  }
}

/** One connection while somebody is signed in. */
function follow(): void {
  if (current().kind === "in") {
    if (currentConnection() === null) initSocket(freshToken);
  } else {
    disconnectSocket();
    clear();
  }
}

startRouter();
subscribe(follow);
void resume();

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
