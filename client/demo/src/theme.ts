/** Dark or light: as the system has it, until somebody says otherwise. What was chosen is painted by
 * first.js, before this is here. */

import { useState } from "react";

export type Theme = "light" | "dark";

const KEY = "ordercast.theme";

export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => stored() ?? system());
  const other = theme === "dark" ? "light" : "dark";
  return [
    theme,
    () => {
      paint(other);
      store(other);
      setTheme(other);
    },
  ];
}

function paint(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

function system(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then for this page only.
  }
}
