/** The list of notifications. */

import { useState, type JSX } from "react";
import type { NotificationView } from "../../src/events";
import { reason } from "./api";
import { moment } from "./format";
import { useNotifications } from "./live";
import { Empty, Failed, Head, Loading } from "./parts";
import { show } from "./toasts";

export function Notices(): JSX.Element {
  const { stored, status, error, reload, markRead } = useNotifications();
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set()); // to be marked as read

  const read = async (id: string) => {
    setAsked((all) => new Set(all).add(id));
    try {
      await markRead(id);
    } catch (problem) {
      show({ kind: "error", title: "It is still unread", message: reason(problem) });
    }
    setAsked((all) => new Set([...all].filter((one) => one !== id)));
  };
  const isUnread = (one: NotificationView) => one.readAt === null && !asked.has(one.id);
  return (
    <div className="narrow">
      <Head title="Notifications">
        <p>What somebody wrote to you, newest first.</p>
      </Head>
      {stored.length === 0 && error !== null && <Failed message={reason(error)} retry={reload} />}
      {status === "loading" && stored.length === 0 && <Loading className="orders" count={2} />}
      {status === "ready" && stored.length === 0 && (
        <Empty title="All quiet">
          <p>Messages from the marketplace appear here and as a note in the corner.</p>
        </Empty>
      )}
      {stored.length > 0 && (
        <ul className="card rows notices">
          {stored.map((one) => (
            <li key={one.id} data-unread={isUnread(one) || undefined}>
              <div>
                <h2 dir="auto">{one.title}</h2>
                <p dir="auto">{one.message}</p>
              </div>
              <time className="quiet small" dateTime={one.createdAt}>
                {moment(one.createdAt)}
              </time>
              {isUnread(one) ? (
                <button
                  type="button"
                  className="button compact"
                  aria-label={`Mark as read: ${one.title}`}
                  onClick={() => void read(one.id)}
                >
                  Mark as read
                </button>
              ) : (
                <span className="quiet small">Read</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
