/* global document, localStorage */
// Before the first paint, and therefore no module: the theme that was chosen on this device.
try {
  const theme = localStorage.getItem("ordercast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser that forbids storage: as the system has it.
}
