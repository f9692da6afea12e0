/** Pages whose script is loaded when they are opened, or before when the browser is idle. */

import { useEffect, useState, type ComponentType, type JSX } from "react";
import { Failed, Loading } from "./parts";

const IDLE_MS = 5_000; // at the latest

export interface Later<Props> {
  (props: Props): JSX.Element | null;
  /** Load it soon: it may be opened next. A failure is told when it is opened. */
  readonly prepare: () => void;
}

/** A component that loads the real one, which `load` gives. `meanwhile` is shown until then. */
export function later<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  meanwhile: JSX.Element | null = <Loading className="orders" count={2} />,
): Later<Props> {
  let loaded: ComponentType<Props> | null = null;
  const loading = async () => (loaded ??= await load());

  function Page(props: Props): JSX.Element | null {
    const [Real, setReal] = useState(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      let left = false;
      loading().then(
        (real) => {
          if (!left) setReal(() => real);
        },
        () => {
          if (!left) setFailed(true);
        },
      );
      return () => {
        left = true;
      };
    }, []);
    if (Real !== null) return <Real {...props} />;
    if (!failed) return meanwhile;
    // This page may be older than the service's files: it begins anew.
    const again = () => {
      location.reload();
    };
    return <Failed message="A part of this page did not arrive. Try again in a moment." retry={again} />;
  }
  const prepare = () => {
    whenIdle(() => void loading().catch(() => undefined));
  };
  return Object.assign(Page, { prepare });
}

function whenIdle(start: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(start, { timeout: IDLE_MS });
  else setTimeout(start, IDLE_MS);
}
