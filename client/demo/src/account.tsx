/** Whose pages these are, and the way to the password. */

import { useState, type JSX } from "react";
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
        onClick={() => {
          setOpen(true);
        }}
      >
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
