/** The administrators' page. */

import { useState, type JSX } from "react";
import { Head } from "../parts";
import "./admin.css";
import { AuditView, ConnectionsView, InboxView, JournalView, UsersView } from "./lists";
import { ServiceView } from "./service";

const VIEWS = {
  Service: ServiceView,
  Connections: ConnectionsView,
  Journal: JournalView,
  Inbox: InboxView,
  Users: UsersView,
  Audit: AuditView,
} as const;
type Name = keyof typeof VIEWS;

export function Admin(): JSX.Element {
  const [name, setName] = useState<Name>("Service");
  const View = VIEWS[name];
  return (
    <>
      <Head title="Administration" />
      <div className="toolbar admin-views" role="group" aria-label="Views">
        {(Object.keys(VIEWS) as Name[]).map((one) => (
          <button
            key={one}
            type="button"
            className="button"
            aria-pressed={one === name}
            onClick={() => {
              setName(one);
            }}
          >
            {one}
          </button>
        ))}
      </div>
      <section className="admin-view" aria-label={name}>
        <View key={name} />
      </section>
    </>
  );
}
