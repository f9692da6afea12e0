/** The list of notifications. */

import { useState, type JSX } from "react";
import type { NotificationView } from "../../src/events";
import { notificationPage, PAGE, reason } from "./api";
import { moment } from "./format";
import { Linked } from "./linked";
import { useNotices } from "./notices/hooks";
import { noticeOf, type Notice } from "./notices/notice";
import { Empty, Failed, Head, Loading, More } from "./parts";
import { show } from "./toasts";

interface Older {
  list: readonly NotificationView[];
  cursor: string | null;
}

export function Notices({ userId }: { userId: string }): JSX.Element {
  const { notices, listed, status, error, reload, markRead } = useNotices(userId);
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set()); // to be marked as read
  const [older, setOlder] = useState<Older | null>(null);

  const read = async (notice: Notice) => {
    setAsked((all) => new Set(all).add(notice.key));
    try {
      await markRead(notice);
    } catch (problem) {
      show({ kind: "error", title: "It is still unread", message: reason(problem) });
      setAsked((all) => new Set([...all].filter((one) => one !== notice.key)));
    }
  };
  const more = async () => {
    // The list that is kept up to date has no cursor: it is the first page's.
    const cursor = older === null ? (await notificationPage(null)).nextCursor : older.cursor;
    if (cursor === null) {
      setOlder({ list: [], cursor: null });
      return;
    }
    const page = await notificationPage(cursor);
    setOlder((before) => ({ list: [...(before?.list ?? []), ...page.notifications], cursor: page.nextCursor }));
  };
  const known = new Set(notices.map((one) => one.key));
  const all = [...notices, ...(older?.list ?? []).map(noticeOf).filter((one) => !known.has(one.key))];
  const hasMore = older === null ? listed.length >= PAGE : older.cursor !== null;
  return (
    <div className="narrow">
      <Head title="Notifications">
        <p>What somebody wrote to you, newest first.</p>
      </Head>
      {all.length === 0 && error !== null && <Failed message={reason(error)} retry={reload} />}
      {status === "loading" && all.length === 0 && <Loading className="orders" count={2} />}
      {status === "ready" && all.length === 0 && (
        <Empty title="All quiet">
          <p>Messages from the marketplace appear here and as a note in the corner.</p>
        </Empty>
      )}
      {all.length > 0 && (
        <ul className="card rows notices">
          {all.map((one) => (
            <Row key={one.key} notice={one} isUnread={!one.isRead && !asked.has(one.key)} read={read} />
          ))}
        </ul>
      )}
      {hasMore && <More load={more}>Older notifications</More>}
    </div>
  );
}

interface RowProps {
  notice: Notice;
  isUnread: boolean;
  read: (notice: Notice) => Promise<void>;
}

function Row({ notice, isUnread, read }: RowProps): JSX.Element {
  const { title, message, at } = notice;
  return (
    <li data-unread={isUnread || undefined}>
      <div>
        <h2 dir="auto">
          <Linked text={title} />
        </h2>
        <p dir="auto">
          <Linked text={message} />
        </p>
      </div>
      {at === null ? (
        <span className="quiet small">Earlier</span>
      ) : (
        <time className="quiet small" dateTime={at}>
          {moment(at)}
        </time>
      )}
      {isUnread ? (
        <button
          type="button"
          className="button compact"
          aria-label={`Mark as read: ${title}`}
          onClick={() => void read(notice)}
        >
          Mark as read
        </button>
      ) : (
        <span className="quiet small">Read</span>
      )}
    </li>
  );
}
