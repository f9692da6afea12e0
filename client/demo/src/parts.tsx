/** What several pages show. */

import { useEffect, useRef, useState, type JSX, type ReactNode } from "react";
import { reason } from "./api";
import { number } from "./format";
import { Icon } from "./icons";
import { LABEL, type Status } from "./orders";
import { Said, say } from "./say";
import { dismiss, hold, linger, useToasts, type Toast } from "./toasts";

export function StatusPill({ status }: { status: Status }): JSX.Element {
  return (
    <span className="status" data-status={status}>
      {LABEL[status]}
    </span>
  );
}

interface HeadProps {
  title: string;
  tools?: ReactNode;
  children?: ReactNode;
}

export function Head({ title, tools, children }: HeadProps): JSX.Element {
  return (
    <div className="head">
      <div>
        <h1>{title}</h1>
        {children}
      </div>
      {tools}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }): JSX.Element {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Failed({ message, retry }: { message: string; retry: () => void }): JSX.Element {
  return (
    <div className="state" role="alert">
      <h2>This could not be loaded</h2>
      <p>{message}</p>
      <button type="button" className="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** The room that the content will take, so that nothing jumps when it comes. */
export function Loading({ count = 3, className }: { count?: number; className: string }): JSX.Element {
  return (
    <div className={className} aria-busy="true">
      <span className="sr">Loading</span>
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className="skeleton" />
      ))}
    </div>
  );
}

/** The way to what comes after the end of a list. */
export function More({ load, children }: { load: () => Promise<void>; children: ReactNode }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const ask = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await load();
    } catch (error) {
      setProblem(reason(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="older">
      <div role="alert">{problem !== null && <p className="problem">{problem}</p>}</div>
      <button type="button" className="button" aria-disabled={busy} onClick={() => void (busy || ask())}>
        {busy ? "Loading…" : children}
      </button>
    </div>
  );
}

export function Toasts(): JSX.Element {
  const toasts = useToasts();
  return (
    <section className="toasts" aria-label="Messages">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
      <Said />
    </section>
  );
}

function ToastCard({ toast }: { toast: Toast }): JSX.Element {
  const text = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [title, message] = [...(text.current?.children ?? [])].map((part) => part.textContent);
    say(`toast-${toast.key}`, toast.count > 1 ? `${title}` : `${title}: ${message}`);
  }, [toast]);
  const stay = () => {
    hold(toast.id);
  };
  const go = () => {
    linger(toast.id);
  };
  return (
    <div
      className="toast"
      data-kind={toast.kind}
      onMouseEnter={stay}
      onMouseLeave={go}
      onFocus={stay}
      onBlur={go}
    >
      <div ref={text}>
        <h3 id={`toast-${toast.id}`}>
          {toast.title}
          {toast.count > 1 && <span className="number"> ({number(toast.count)})</span>}
        </h3>
        <p>{toast.message}</p>
      </div>
      <button
        type="button"
        className="button plain square compact"
        aria-label="Dismiss"
        aria-describedby={`toast-${toast.id}`}
        onClick={() => {
          dismiss(toast.id);
        }}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
