/** Keeps the focus on the page. When the element that has it is removed or disabled, a browser gives it
 * to the body, and the next Tab begins at the top of the page. */

const FOCUSABLE =
  "a[href], button:enabled:not([tabindex='-1']), input:enabled:not([tabindex='-1']), select:enabled, textarea:enabled, [tabindex='0']";

interface Step {
  readonly element: Element;
  readonly index: number; // among its parent's children
}

/** Watch the page; returns the undo. A page that moves the focus itself, in the task of the change, is
 * before this. */
export function keepFocus(): () => void {
  let way: readonly Step[] = []; // from the focused element up to the body
  const remember = ({ target }: FocusEvent) => {
    way = target instanceof Element ? wayTo(target) : [];
  };
  const forget = ({ relatedTarget, target }: FocusEvent) => {
    if (relatedTarget !== null || !(target instanceof Element)) return;
    // Removal sends this event while the element is still there: its reason is known a moment later.
    queueMicrotask(() => {
      if (way[0]?.element === target && isUsable(target)) way = []; // by hand, as with a click on the paper
    });
  };
  const check = () => {
    const [lost] = way;
    if (lost === undefined || isUsable(lost.element)) return;
    if (document.activeElement !== document.body && document.activeElement !== lost.element) return;
    const next = nearest(way);
    way = [];
    next?.focus({ preventScroll: true });
  };
  const changes = new MutationObserver(check);
  changes.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
  document.addEventListener("focusin", remember);
  document.addEventListener("focusout", forget);
  return () => {
    changes.disconnect();
    document.removeEventListener("focusin", remember);
    document.removeEventListener("focusout", forget);
  };
}

function isUsable(element: Element): boolean {
  return element.isConnected && !element.matches(":disabled");
}

function wayTo(element: Element): readonly Step[] {
  const way: Step[] = [];
  for (let at: Element | null = element; at !== null && at !== document.body; at = at.parentElement)
    way.push({ element: at, index: at.parentElement === null ? 0 : [...at.parentElement.children].indexOf(at) });
  return way;
}

/** What is next to the place of the lost element: in its own list first, then in what holds that. */
function nearest(way: readonly Step[]): HTMLElement | null {
  const main = document.querySelector<HTMLElement>("main");
  for (const [position, { element }] of way.entries()) {
    if (position === 0 || !element.isConnected) continue;
    if (element === main || element.contains(main)) break;
    const index = way[position - 1]?.index ?? 0;
    const children = [...element.children];
    const after = [...children.slice(index), ...children.slice(0, index).reverse()];
    for (const child of after) {
      const found = child.matches(FOCUSABLE) ? child : child.querySelector(FOCUSABLE);
      if (found instanceof HTMLElement && found.checkVisibility()) return found;
    }
  }
  return main;
}
