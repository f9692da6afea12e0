/** The admin's page: a notification for one user. */

import { useState, type JSX, type SubmitEvent } from "react";
import { newKey, notify, orders, reason } from "./api";
import { live, useLive } from "./live";
import { Head } from "./parts";
import { show } from "./toasts";

const known = live(orders, {});

export function Letter(): JSX.Element {
  const { value } = useLive(known);
  const [key, setKey] = useState(newKey);
  const [problem, setProblem] = useState<string | null>(null);
  const people = new Map((value ?? []).flatMap((order) => [order.user, order.seller]).map((one) => [one.id, one.name]));

  const send = async (form: HTMLFormElement) => {
    const [to, title, message] = ["to", "title", "message"].map(
      (name) => (form.elements.namedItem(name) as HTMLInputElement).value,
    ) as [string, string, string];
    setProblem(null);
    try {
      await notify(to, title, message, key);
      form.reset();
      setKey(newKey());
      show({ kind: "info", title: "Sent", message: <><bdi>{people.get(to) ?? `User ${to}`}</bdi> has it.</> });
    } catch (error) {
      setProblem(reason(error));
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void send(event.currentTarget);
  };
  return (
    <div className="narrow">
      <Head title="Write to somebody">
        <p>It is on their screen at once, or waits for them.</p>
      </Head>
      <form
        className="card letter"
        onSubmit={submit}
        onChange={() => {
          setKey(newKey());
        }}
      >
        <label className="field">
          To (user id)
          <input className="input" name="to" list="people" required autoComplete="off" />
        </label>
        <datalist id="people">
          {[...people].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </datalist>
        <label className="field">
          Title
          <input className="input" name="title" dir="auto" maxLength={200} required />
        </label>
        <label className="field">
          Message
          <textarea className="input" name="message" dir="auto" rows={4} maxLength={4000} required />
        </label>
        <button className="button primary">Send</button>
        <div role="alert">{problem !== null && <p className="problem">{problem}</p>}</div>
      </form>
    </div>
  );
}
