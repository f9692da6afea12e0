/** Whose pages these are, and the way to the password. */

import { useState, type JSX } from "react";
import { Icon } from "./icons";
import { later } from "./later";
import type { User } from "./session";

const Password = later(async () => (await import("./password")).Password);

export function Account({ user }: { user: User }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button plain person"
        title="Change your password"
        aria-label={user.name}
        onClick={() => {
          setOpen(true);
        }}
      >
        <Icon name="person" />
        <bdi>{user.name}</bdi>
      </button>
      {isOpen && (
        <Password
          close={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}
