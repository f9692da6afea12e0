"""What a page shows, as scripts to be evaluated in it: contrast, what is cut, what is covered."""

# -> texts of too little contrast, WCAG 1.4.3: 4.5 to 1, large ones 3 to 1. Of what cannot be used,
# which the standard leaves out, 3 to 1 too.
FAINT = r"""
(root) => {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([...front], back) => {
    const alpha = front[3];
    return [0, 1, 2].map((part) => front[part] * alpha + back[part] * (1 - alpha)).concat(1);
  };
  const light = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255, 1]);
  };
  const opacity = (element) => {
    let product = 1;
    for (let at = element; at !== null; at = at.parentElement)
      product *= Number(getComputedStyle(at).opacity);
    return product;
  };
  const found = [];
  const check = (element, text, style) => {
    const back = behind(element);
    const front = rgba(style.color);
    front[3] *= opacity(element) * Number(style.opacity || 1);
    const [one, other] = [light(over(front, back)), light(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const needed = isLarge || element.closest(":disabled") !== null ? 3 : 4.5;
    if (ratio < needed) found.push(`${ratio.toFixed(2)}: ${text.trim()} (${element.className})`);
  };
  const walker = document.createTreeWalker(root ?? document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: element } = walker.currentNode;
    if (data.trim() === "" || !element.checkVisibility()) continue;
    if (element.closest(".sr, .skip:not(:focus), script, noscript, option") !== null) continue;
    check(element, data, getComputedStyle(element));
  }
  for (const input of (root ?? document).querySelectorAll("[placeholder]"))
    check(input, input.placeholder, {
      color: getComputedStyle(input, "::placeholder").color,
      opacity: getComputedStyle(input, "::placeholder").opacity,
      fontSize: getComputedStyle(input).fontSize,
      fontWeight: 400,
    });
  return found;
}
"""
# -> a control of each look.
LOOKS = """
() => {
  const seen = new Set();
  return [...document.querySelectorAll("button:enabled, a[href], summary, select, input")]
    .filter((element) => element.checkVisibility() && !element.matches(".skip"))
    .filter((element) => {
      const look = `${element.tagName} ${element.className} ${element.parentElement.className}`;
      return !seen.has(look) && seen.add(look);
    });
}
"""
# -> what is wider than the window, or has text that is cut off at its edge.
CUT = """
() => {
  const width = document.documentElement.clientWidth;
  const found = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility() || element.closest(".sr, .skip, svg, .toast") !== null) continue;
    const style = getComputedStyle(element);
    const isCut = element.scrollWidth > element.clientWidth + 1 && style.overflowX === "hidden";
    if (isCut && element.textContent.trim() !== "")
      found.push(`cut: ${element.outerHTML.slice(0, 200)}`);
    const scrolls = element.parentElement.closest(".board, .scroll") !== null;
    const { left, right, width: own } = element.getBoundingClientRect();
    if (!scrolls && own > 0 && (left < -1 || right > width + 1))
      found.push(`outside: ${element.outerHTML.slice(0, 200)}`);
  }
  return found;
}
"""
# -> controls that are in the place of messages, where the page ends.
COVERED = """
() => {
  scrollTo(0, document.documentElement.scrollHeight);
  const lane = document.querySelector(".toasts").getBoundingClientRect();
  const shown = (element) => {
    let { left, right, top, bottom } = element.getBoundingClientRect();
    for (let at = element.parentElement; at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflow === "visible") continue;
      const box = at.getBoundingClientRect();
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return { left, right, top, bottom };
  };
  const found = [...document.querySelectorAll(".toast")]
    .map((toast) => toast.getBoundingClientRect())
    .filter(({ top, bottom }) => bottom > 0 && (top < lane.top || bottom > lane.bottom))
    .map(({ top, bottom }) => `a message is outside of its lane: ${top} to ${bottom}`);
  for (const control of document.querySelectorAll("button, a[href], input, select, textarea")) {
    if (control.closest(".toasts, .skip") !== null || !control.checkVisibility()) continue;
    const { left, right, top, bottom } = shown(control);
    const isIn = Math.min(bottom, lane.bottom) - Math.max(top, lane.top) > 1;
    if (isIn && right - left > 1 && bottom - top > 1) found.push(control.outerHTML.slice(0, 200));
  }
  return found;
}
"""
