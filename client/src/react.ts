/** Hooks: of any page, and the marketplace's. */
export * from "./react-market.js";
export * from "./react-page.js";
