/**
 * The demo pages. Reading order: session (who), following (the connection), api (calls), live (what
 * arrives by itself), shell (the frame), then the pages: signin, shop, mine, board, stock, notices,
 * letter.
 */

import { StrictMode, useEffect, useSyncExternalStore, type JSX } from "react";
import { createRoot } from "react-dom/client";
import { startFollowing } from "./following";
import { later } from "./later";
import { startRouter } from "./router";
import { current, subscribe } from "./session";
import { SignIn } from "./signin";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/board.css";

// Not needed to sign in; loaded while somebody types.
const Shell = later(async () => (await import("./shell")).Shell, null);

function App(): JSX.Element | null {
  const session = useSyncExternalStore(subscribe, current);
  useEffect(() => {
    if (session.kind === "out") document.title = "Sign in · Ordercast";
  }, [session.kind]);
  switch (session.kind) {
    case "out":
      return <SignIn message={session.message} />;
    case "in":
      return <Shell user={session.user} key={`${session.user.role} ${session.user.id}`} />;
    default:
      return session satisfies never;
  }
}

startRouter();
startFollowing();
Shell.prepare();

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
