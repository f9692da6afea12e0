/** The door: one of the demo people with one click, or any account. */

import { useState, type JSX, type SubmitEvent } from "react";
import { reason } from "./api";
import { Icon } from "./icons";
import mark from "./mark.svg";
import { later } from "./later";
import { signIn } from "./session";
import { useTheme } from "./theme";

const PASSWORD = "ordercast-demo"; // of app/demo.py, printed for everyone to see
const PEOPLE = [
  { email: "alice@example.com", name: "Alice", does: "Customer" },
  { email: "charlie@example.com", name: "Charlie", does: "Customer" },
  { email: "bob@example.com", name: "Bob’s Teas", does: "Seller" },
  { email: "dora@example.com", name: "Dora’s Pots", does: "Seller" },
] as const;

const isDemo = document.documentElement.hasAttribute("data-demo");
const Register = later(async () => (await import("./register")).Register);

export function SignIn({ message }: { message: string | undefined }): JSX.Element {
  const [problem, setProblem] = useState(message);
  const [busy, setBusy] = useState(false);
  const [isNew, setNew] = useState(false);

  const enter = async (email: string, password: string) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(email, password);
    } catch (error) {
      setProblem(reason(error));
      setBusy(false);
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void enter(text(form, "email"), text(form, "password"));
  };
  return (
    <div className="door">
      <header className="pitch">
        <span className="brand">
          <img src={mark} alt="" /> Ordercast
        </span>
        <div>
          <h1>Orders that move as you watch.</h1>
          {isDemo && (
            <p>
              Open a window of another browser, be a customer in one and a seller in the other. Place an
              order, and see it arrive.
            </p>
          )}
        </div>
        <p className="quiet small">
          Building on it? <a href="/docs">Calls and events</a>
        </p>
      </header>
      <main className="sign">
        <ThemeButton className="corner" />
        {isDemo && (
          <section aria-labelledby="demo">
            <h2 id="demo">Be somebody from the demo</h2>
            <p className="quiet">One click signs you in.</p>
          </section>
        )}
        {isDemo && <ul className="people">
          {PEOPLE.map((person) => (
            <li key={person.email}>
              <button type="button" disabled={busy} onClick={() => void enter(person.email, PASSWORD)}>
                <span className="face" aria-hidden="true">
                  {person.name[0]}
                </span>
                <span>
                  <b>{person.name}</b>
                  <br />
                  <span className="quiet small">{person.does}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>}
        {isNew ? <Register
            back={() => {
              setNew(false);
            }}
          /> : <form onSubmit={submit}>
          <h2>{isDemo ? "Or use an account" : "Sign in"}</h2>
          <label className="field">
            E-mail address
            {/* Not of the type email: that one takes no letters beyond ASCII. */}
            <input
              className="input"
              name="email"
              inputMode="email"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
            />
          </label>
          <label className="field">
            Password
            <input
              className="input"
              name="password"
              type="password"
              autoComplete="current-password"
              required
            />
          </label>
          <button className="button primary" disabled={busy}>
            Sign in
          </button>
          <div role="alert">{problem !== undefined && <p className="problem">{problem}</p>}</div>
          <button type="button" className="button plain" onClick={() => {
              setNew(true);
            }}>
            Make an account
          </button>
        </form>}
      </main>
    </div>
  );
}

export function ThemeButton({ className = "" }: { className?: string }): JSX.Element {
  const [theme, change] = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className={`button plain square ${className}`}
      aria-label={`Switch to ${other}`}
      onClick={change}
    >
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
