/** Connections, users, the inbox and the audit. */

import { useState, type JSX } from "react";
import { full, number } from "../format";
import { useList } from "./load";
import { Act, Rows, Search } from "./rows";

const USERS = "/api/admin/users";

interface Connection {
  id: string;
  userId: string | null;
  email: string | null;
  address: string;
  transport: string;
  since: string;
  offset: string;
  acknowledged: string | null;
}

export function ConnectionsView(): JSX.Element {
  const [user, setUser] = useState("");
  const [address, setAddress] = useState("");
  const list = useList<Connection>("/api/admin/connections", "connections", { user, address });
  return (
    <>
      <form role="search" className="toolbar filter" onSubmit={(event) => { event.preventDefault(); }}>
        <Search label="User: id or e-mail address" value={user} change={setUser} />
        <Search label="Address" value={address} change={setAddress} />
      </form>
      <Rows
        list={list}
        name="connections"
        keyOf={({ id }) => id}
        row={(one) => (
          <>
            <div>
              <b><bdi>{one.email ?? one.userId ?? "without identity"}</bdi></b>
              <span className="quiet small number">
                {one.address} · {one.transport} · since {full(one.since)} · offset {one.acknowledged ?? one.offset}
              </span>
            </div>
            {one.userId !== null && (
              <div className="admin-acts">
                <Act name="Disconnect" of={one.email ?? one.userId} path={userPath(one.userId, "disconnect")} asks done={list.reload} />
                <Act name="Revoke" of={one.email ?? one.userId} path={userPath(one.userId, "revoke")} asks done={list.reload} />
              </div>
            )}
          </>
        )}
      />
    </>
  );
}

interface User {
  id: string;
  email: string;
  name: string;
  role: string;
  disabledAt: string | null;
}

export function UsersView(): JSX.Element {
  const [q, setQ] = useState("");
  const [made, setMade] = useState<{ id: string; password: string } | null>(null); // shown until the page is left
  const list = useList<User>(USERS, "users", { q });
  return (
    <>
      <form role="search" className="toolbar filter" onSubmit={(event) => { event.preventDefault(); }}>
        <Search label="E-mail address, name or id" value={q} change={setQ} />
      </form>
      <Rows
        list={list}
        name="users"
        keyOf={({ id }) => id}
        row={(one) => (
          <>
            <div>
              <b><bdi>{one.email}</bdi></b>
              <span className="quiet small">
                <bdi>{one.name}</bdi> · {one.role}
                {one.disabledAt !== null && " · disabled"}
              </span>
              {made?.id === one.id && (
                <span role="status">
                  New password, shown this once: <code>{made.password}</code>
                </span>
              )}
            </div>
            <div className="admin-acts">
              {["customer", "seller", "admin"]
                .filter((role) => role !== one.role)
                .map((role) => (
                  <Act key={role} name={`Make ${role}`} of={one.email} method="PUT" path={userPath(one.id, "role")} body={{ role }} asks done={list.reload} />
                ))}
              <Act
                name="New password"
                of={one.email}
                method="PUT"
                path={userPath(one.id, "password")}
                body={{}}
                asks
                done={(answer) => {
                  setMade({ id: one.id, ...(answer as { password: string }) });
                }}
              />
              {one.disabledAt === null ? (
                <Act name="Disable" of={one.email} path={userPath(one.id, "disable")} asks done={list.reload} />
              ) : (
                <Act name="Enable" of={one.email} path={userPath(one.id, "enable")} done={list.reload} />
              )}
            </div>
          </>
        )}
      />
    </>
  );
}

interface Refused {
  id: string;
  at: string;
  reason: string;
  event: string | null;
  to: string | null;
  rawData: string | null;
}

export function InboxView(): JSX.Element {
  const list = useList<Refused>("/api/admin/inbox", "entries", {});
  return (
    <Rows
      list={list}
      name="refused entries"
      keyOf={({ id }) => id}
      row={(one) => (
        <>
          <div>
            <b>{one.event ?? "no event"}</b>
            <span className="problem small">{one.reason}</span>
            <span className="quiet small number">
              to <bdi>{one.to ?? "nobody"}</bdi>, {full(one.at)}
            </span>
            {one.rawData !== null && <code className="small admin-data">{one.rawData}</code>}
          </div>
          <div className="admin-acts">
            <Act name="Retry" of={one.id} path={`/api/admin/inbox/${one.id}/retry`} done={list.reload} />
            <Act name="Delete" of={one.id} method="DELETE" path={`/api/admin/inbox/${one.id}`} asks done={list.reload} />
          </div>
        </>
      )}
    />
  );
}

interface Entry {
  id: string;
  createdAt: string;
  userId: string | null;
  action: string;
  target: string;
  detail: string | null;
}

export function AuditView(): JSX.Element {
  const list = useList<Entry>("/api/admin/audit", "entries", {});
  return (
    <Rows
      list={list}
      name="actions"
      keyOf={({ id }) => id}
      row={(one) => (
        <>
          <div>
            <b>{one.action.replace("_", " ")}</b>
            <span className="quiet small">
              <bdi>{one.target}</bdi>
              {one.detail !== null && <> · <bdi>{one.detail}</bdi></>}
            </span>
          </div>
          <span className="quiet small number">
            {full(one.createdAt)} by {one.userId === null ? "a command" : `user ${one.userId}`}
          </span>
        </>
      )}
    />
  );
}

interface Event {
  offset: string;
  name: string;
  rooms: string[];
  key: string | null;
  committedAt: string;
}

interface Trace {
  data: unknown;
  requestId: string | null;
  processes: { host: string; pid: number; progress: string }[];
  states: Record<string, number>;
  receipts: { userId: string | null; address: string; state: string; why: string }[];
  gaps: string[];
}

export function JournalView(): JSX.Element {
  const [room, setRoom] = useState("");
  const [name, setName] = useState("");
  const [before, setBefore] = useState("");
  const [traced, setTraced] = useState<{ offset: string; trace: Trace } | null>(null);
  const list = useList<Event>("/api/admin/events", "events", { room, name, before: before.replace(/\D/g, "") });
  return (
    <>
      <form role="search" className="toolbar filter" onSubmit={(event) => { event.preventDefault(); }}>
        <Search label="Room" value={room} change={setRoom} />
        <Search label="Name, with * for any text" value={name} change={setName} />
        <Search label="Before offset" value={before} change={setBefore} />
      </form>
      <Rows
        list={list}
        name="events"
        keyOf={({ offset }) => offset}
        row={(one) => (
          <>
            <div>
              <b className="number">{one.offset} {one.name}</b>
              <span className="quiet small">
                <bdi>{one.rooms.join(", ")}</bdi> · {full(one.committedAt)}
                {one.key !== null && <> · {one.key}</>}
              </span>
              {traced?.offset === one.offset && <TraceView trace={traced.trace} />}
            </div>
            <div className="admin-acts">
              <Act
                name="Trace"
                of={one.offset}
                method="GET"
                path={`/api/admin/events/${one.offset}`}
                done={(answer) => {
                  setTraced({ offset: one.offset, trace: answer as Trace });
                }}
              />
            </div>
          </>
        )}
      />
    </>
  );
}

function TraceView({ trace }: { trace: Trace }): JSX.Element {
  const states = Object.entries(trace.states).map(([state, count]) => `${number(count)} ${state}`);
  return (
    <div className="small" role="status">
      <code className="admin-data">{JSON.stringify(trace.data)}</code>
      <p>{states.length === 0 ? "On no connection" : states.join(", ")}</p>
      <ul>
        {trace.processes.map((one) => (
          <li key={`${one.host} ${one.pid}`}>
            {one.host} · {one.pid}: {one.progress}
          </li>
        ))}
        {trace.receipts.map((one, index) => (
          <li key={index}>
            user {one.userId ?? "unknown"} at {one.address}: {one.why}
          </li>
        ))}
        {trace.gaps.map((gap) => (
          <li key={gap}>{gap}</li>
        ))}
      </ul>
    </div>
  );
}

function userPath(id: string, action: string): string {
  return `${USERS}/${encodeURIComponent(id)}/${action}`;
}
