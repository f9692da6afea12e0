/** Sound and desktop notifications for new orders, if the seller has asked for them. */

import { useSyncExternalStore, type JSX } from "react";
import { number } from "../format";
import { isolated } from "../names";
import type { Order } from "../orders";
import { show } from "../toasts";
import { Menu } from "./menu";

const QUIET_MS = 1_000; // between two sounds
const TONE_SECONDS = 0.35;
const KEYS = { sound: "ordercast.sound", desktop: "ordercast.desktop" } as const;
type Kind = keyof typeof KEYS;

const listeners = new Set<() => void>();
let audio: AudioContext | undefined;
let soundedAt = -QUIET_MS;

export function Alerts(): JSX.Element {
  const sound = useSyncExternalStore(subscribe, () => isOn("sound"));
  const desktop = useSyncExternalStore(subscribe, () => isOn("desktop"));
  return (
    <Menu
      label="Alerts"
      icon="bell"
      actions={[
        {
          name: sound ? "Turn the sound off" : "Sound for new orders",
          act: () => {
            set("sound", !sound);
            if (!sound) ring();
          },
        },
        {
          name: desktop ? "Turn desktop notifications off" : "Desktop notifications for new orders",
          act: () => {
            if (desktop) set("desktop", false);
            else void ask();
          },
        },
      ]}
    />
  );
}

/** Announce a new order as the seller has asked for. A browser that forbids it leaves the toast. */
export function announce(order: Order): void {
  if (isOn("sound")) ring();
  if (!isOn("desktop") || !document.hidden || Notification.permission !== "granted") return;
  const items = order.items.map(({ quantity, name }) => `${number(quantity)} × ${isolated(name)}`);
  new Notification(`New order ${order.orderNumber}`, {
    body: `${isolated(order.user.name)}: ${items.join("; ")}`,
    tag: "new-order", // a burst is one notification
  });
}

async function ask(): Promise<void> {
  const answer = "Notification" in window ? await Notification.requestPermission() : "denied";
  if (answer === "granted") set("desktop", true);
  else
    show({ kind: "error", title: "No desktop notifications", message: "This browser does not allow them for this page." });
}

function ring(): void {
  if (performance.now() - soundedAt < QUIET_MS) return;
  soundedAt = performance.now();
  audio ??= new AudioContext();
  void audio.resume(); // pending until the first press on the page
  const gain = audio.createGain();
  gain.gain.setValueAtTime(0.2, audio.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + TONE_SECONDS);
  const tone = audio.createOscillator();
  tone.frequency.value = 880;
  tone.connect(gain).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + TONE_SECONDS);
}

function isOn(kind: Kind): boolean {
  try {
    return localStorage.getItem(KEYS[kind]) === "on";
  } catch {
    return false; // a browser without storage has no alerts
  }
}

function set(kind: Kind, on: boolean): void {
  try {
    localStorage.setItem(KEYS[kind], on ? "on" : "off");
  } catch {
    show({ kind: "error", title: "Not remembered", message: "This browser stores nothing for this page." });
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
