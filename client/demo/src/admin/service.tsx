/** How the service runs. Read again every few seconds: rates are of no use later, and events for
 * them would fill the journal that they describe. */

import { useEffect, useState, type JSX } from "react";
import { call, reason } from "../api";
import { full, number } from "../format";
import { Failed, Loading } from "../parts";

const READ_MS = 3_000;

interface Service {
  status: string;
  checks: Record<string, string>;
  head: string | null;
  eventsWaiting: number | null;
  eventsWaitingSeconds: number | null;
  entriesWaiting: number | null;
  entriesRefused: number | null;
  processes: { name: string; host: string; pid: number; startedAt: string; position: string; connections: number }[] | null;
  workers: { host: string; pid: number }[] | null;
}

interface Reading {
  service: Service;
  at: number;
  rate: number | null; // events a second since the reading before
}

export function ServiceView(): JSX.Element {
  const [reading, setReading] = useState<Reading | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [round, setRound] = useState(0);

  useEffect(() => {
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const read = async () => {
      if (!document.hidden) {
        try {
          const { body } = await call<Service>("GET", "/api/admin/service", undefined);
          if (ended) return;
          setReading((before) => readingOf(body, before));
          setProblem(null);
        } catch (error) {
          if (!ended) setProblem(reason(error));
        }
      }
      if (!ended) timer = setTimeout(() => void read(), READ_MS);
    };
    void read();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [round]);

  if (reading === null) {
    if (problem === null) return <Loading className="orders" count={2} />;
    return <Failed message={problem} retry={() => { setRound(round + 1); }} />;
  }
  const { service, at, rate } = reading;
  const connections = service.processes?.reduce((sum, { connections }) => sum + connections, 0) ?? null;
  return (
    <>
      <p className="quiet number">
        As of {new Date(at).toLocaleTimeString()}
        {problem !== null && `. ${problem}`}
      </p>
      <dl className="card admin-facts">
        <Fact name="State" value={service.status} />
        <Fact name="Events a second" value={rate === null ? "…" : number(Math.round(rate * 10) / 10)} />
        <Fact name="Last offset" value={service.head ?? "unknown"} />
        <Fact name="Events waiting" value={told(service.eventsWaiting)} />
        <Fact name="Inbox waiting" value={told(service.entriesWaiting)} />
        <Fact name="Inbox refused" value={told(service.entriesRefused)} />
        <Fact name="Connections" value={told(connections)} />
        <Fact name="Workers" value={told(service.workers?.length ?? null)} />
      </dl>
      <h2>Checks</h2>
      <ul className="card rows admin-rows">
        {Object.entries(service.checks).map(([name, answer]) => (
          <li key={name}>
            <b>{name}</b>
            <span className="status" data-status={answer === "ok" ? "delivered" : "refunded"}>
              {answer}
            </span>
          </li>
        ))}
      </ul>
      <h2>Web processes</h2>
      {service.processes === null && <p>Unknown: Redis does not answer.</p>}
      <ul className="card rows admin-rows">
        {(service.processes ?? []).map((one) => (
          <li key={one.name}>
            <b>
              {one.host} · {one.pid}
            </b>
            <span className="quiet small number">since {full(one.startedAt)}</span>
            <span className="number">
              {number(one.connections)} connections,{" "}
              {service.head === null ? "" : `${number(Math.max(0, Number(service.head) - Number(one.position)))} behind`}
            </span>
          </li>
        ))}
      </ul>
      <h2>Workers</h2>
      {service.workers === null && <p>Unknown: Redis does not answer.</p>}
      <ul className="card rows admin-rows">
        {(service.workers ?? []).map((one) => (
          <li key={`${one.host} ${one.pid}`}>
            <b>worker · {one.pid}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }): JSX.Element {
  return (
    <div>
      <dt className="quiet small">{name}</dt>
      <dd className="number">{value}</dd>
    </div>
  );
}

function told(value: number | null): string {
  return value === null ? "unknown" : number(value);
}

function readingOf(service: Service, before: Reading | null): Reading {
  const at = Date.now();
  const last = before?.service.head ?? null;
  const rate =
    before === null || last === null || service.head === null
      ? null
      : Math.max(0, ((Number(service.head) - Number(last)) * 1000) / Math.max(1, at - before.at));
  return { service, at, rate };
}
