/** A button that opens a list of actions, in the browser's top layer. */

import { useEffect, useId, useRef, useState, type JSX, type KeyboardEvent, type ToggleEvent } from "react";
import { Icon, type IconName } from "../icons";

export interface Action {
  name: string;
  of?: string; // the order or product, isolated
  act: () => void;
}

interface Props {
  label: string;
  icon?: IconName;
  tabIndex?: number; // of the button
  actions: readonly Action[];
}

export function Menu({ label, icon = "more", tabIndex = 0, actions }: Props): JSX.Element {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  // The list has a fixed place, and its button scrolls.
  useEffect(() => {
    if (!open) return undefined;
    const close = () => list.current?.hidePopover();
    addEventListener("scroll", close, true);
    return () => {
      removeEventListener("scroll", close, true);
    };
  }, [open]);

  const toggled = ({ newState }: ToggleEvent) => {
    setOpen(newState === "open");
    if (newState !== "open" || !button.current || !list.current) return;
    const from = button.current.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list.current;
    const below = from.bottom + height + 4 < innerHeight;
    list.current.style.top = `${below ? from.bottom + 4 : from.top - height - 4}px`;
    list.current.style.left = `${Math.max(8, from.right - width)}px`;
    list.current.querySelector("button")?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`button plain compact ${icon}`}
        tabIndex={tabIndex}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        popoverTarget={id}
      >
        <Icon name={icon} />
      </button>
      <div ref={list} id={id} popover="auto" role="menu" aria-label={label} onToggle={toggled} onKeyDown={walk}>
        {actions.map(({ name, of, act }) => (
          <button
            key={name}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              list.current?.hidePopover();
              act();
            }}
          >
            {name} {of !== undefined && <bdi>{of}</bdi>}
          </button>
        ))}
      </div>
    </>
  );
}

function walk(event: KeyboardEvent<HTMLElement>): void {
  const steps: Partial<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1 };
  const step = steps[event.key];
  if (event.key === "Tab") event.currentTarget.hidePopover();
  if (step === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const all = [...event.currentTarget.querySelectorAll("button")];
  all.at((all.indexOf(event.target as HTMLButtonElement) + step) % all.length)?.focus();
}
