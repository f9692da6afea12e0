/** The dialog in which one changes one's own password. */

import { useEffect, useRef, useState, type JSX, type SubmitEvent } from "react";
import { currentConnection } from "../../src/index";
import { complaint } from "./register";
import { show } from "./toasts";

export function Password({ close }: { close: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const submit = async (form: HTMLFormElement) => {
    const body = Object.fromEntries(new FormData(form));
    setBusy(true);
    setProblem(null);
    try {
      const answer = await currentConnection()?.request<{ sessionsEnded: number }>("POST", "/api/auth/password", body);
      const ended = answer?.body.sessionsEnded ?? 0;
      const message = ended === 0 ? "It counts from now on." : "Your other devices are signed out.";
      show({ kind: "info", title: "The password is changed", message });
      dialog.current?.close(); // which gives the focus back
    } catch (error) {
      setProblem(complaint(error));
    } finally {
      setBusy(false);
    }
  };
  const onSubmit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!busy) void submit(event.currentTarget);
  };
  return (
    <dialog ref={dialog} className="card editor" aria-labelledby="password-title" onClose={close}>
      <form onSubmit={onSubmit}>
        <h2 id="password-title">Change your password</h2>
        <label className="field">
          Present password
          <input className="input" name="current" type="password" autoComplete="current-password" required />
        </label>
        <label className="field">
          New password, at least 8 characters
          <input className="input" name="new" type="password" autoComplete="new-password" minLength={8} required />
        </label>
        <div role="alert">{problem !== null && <p className="problem">{problem}</p>}</div>
        <button className="button primary" aria-disabled={busy}>
          Change it
        </button>
        <button type="button" className="button plain" onClick={() => dialog.current?.close()}>
          Leave it
        </button>
      </form>
    </dialog>
  );
}
