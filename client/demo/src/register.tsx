/** A new account: of a customer or a seller. */

import { useState, type JSX, type SubmitEvent } from "react";
import { ApiError, request } from "../../src/index";
import { newKey, reason } from "./api";
import { signIn } from "./session";

export function Register({ back }: { back: () => void }): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [key, setKey] = useState(newKey);

  const submit = async (form: HTMLFormElement) => {
    const { name, email, password, role } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    setBusy(true);
    setProblem(null);
    try {
      const body = { name, email, password, role };
      const headers = { "Idempotency-Key": key };
      await request(location.origin, { method: "POST", path: "/api/auth/register", body, headers });
      await signIn(email ?? "", password ?? "");
    } catch (error) {
      setProblem(complaint(error));
      setBusy(false);
    }
  };
  const onSubmit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!busy) void submit(event.currentTarget);
  };
  return (
    <form
      onSubmit={onSubmit}
      onChange={() => {
        setKey(newKey());
      }}
    >
      <h2>Make an account</h2>
      <label className="field">
        Name
        <input className="input" name="name" autoComplete="name" maxLength={100} required autoFocus />
      </label>
      <label className="field">
        E-mail address
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
        Password, at least 8 characters
        <input className="input" name="password" type="password" autoComplete="new-password" minLength={8} required />
      </label>
      <label className="field">
        I want to
        <select className="input" name="role" defaultValue="customer">
          <option value="customer">buy</option>
          <option value="seller">sell</option>
        </select>
      </label>
      <button className="button primary" aria-disabled={busy}>
        Make the account
      </button>
      <div role="alert">{problem !== null && <p className="problem">{problem}</p>}</div>
      <button type="button" className="button plain" onClick={back}>
        I have an account
      </button>
    </form>
  );
}

/** Which field is wrong and why, where the service says so. */
export function complaint(error: unknown): string {
  if (!(error instanceof ApiError) || error.code !== "validation_error") return reason(error);
  const [first] = error.details as { path: string; message: string }[];
  return first === undefined ? error.message : `${first.path}: ${first.message}`;
}
