// The language is kept in this browser, and the page says which one it is in.
// Streamlit's own words are in English only: each is replaced where it is shown, and
// again whenever the page changes. What visitors wrote is in Markdown, in texts, in
// inputs, in the names of files and in the shadow roots of our components, none of which
// is touched.
const ATTRIBUTES = ["aria-label", "title", "placeholder"];
const NAMES = "[data-testid=stText], [data-testid=stFileChipName]";
const WRITTEN = "[data-testid=stMarkdownContainer], [data-testid=stHtml], code, pre";
const STREAMLITS = "[data-testid=stTooltipContent], [data-testid=stFileUploaderDropzone]";

// "Remove {name}" is a text around a name, "Page {number}" one around a number.
function patternOf(text) {
  const escaped = text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const words = escaped.replace(/\{(number|count)\}/g, "(?<$1>[\\d,.]+)");
  return new RegExp(`^${words.replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`, "s");
}

function translator(words) {
  const plain = new Map(), patterns = [];
  for (const [english, text] of words) {
    if (english.includes("{")) patterns.push([patternOf(english), text]);
    else plain.set(english, text);
  }
  return (text) => {
    const key = text.trim();
    if (!/\p{L}/u.test(key)) return null;
    if (plain.has(key)) return plain.get(key);
    for (const [pattern, form] of patterns) {
      const found = pattern.exec(key);
      if (found) return form.replace(/\{(\w+)\}/g, (_, name) => found.groups[name]);
    }
    return null;
  };
}

function translateNode(node, translate) {
  if (node.nodeType === Node.TEXT_NODE) {
    const parent = node.parentElement;
    if (parent?.closest(NAMES)) return;
    if (parent?.closest(WRITTEN) && !parent.closest(STREAMLITS)) return;
    const text = translate(node.nodeValue);
    if (text === null) return;
    node.nodeValue = node.nodeValue.replace(node.nodeValue.trim(), () => text);
    return;
  }
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  for (const name of node.closest(NAMES) ? [] : ATTRIBUTES) {
    const text = node.hasAttribute(name) ? translate(node.getAttribute(name)) : null;
    if (text !== null) node.setAttribute(name, text);
  }
  for (const child of node.childNodes) translateNode(child, translate);
}

// Tables of Streamlit run from left to right. Where text does not, their columns are in
// the other order, and a table begins at its right end, until it is scrolled away from it.
function beginAtRight(node) {
  for (const table of node.querySelectorAll?.(".dvn-scroller") ?? []) {
    let isAtEnd = true, ours = table.scrollLeft;
    // The event of our own scrolling may come after the table has grown.
    table.addEventListener("scroll", () => {
      isAtEnd = table.scrollLeft === ours
        || table.scrollLeft + table.clientWidth > table.scrollWidth - 2;
    });
    const observer = new ResizeObserver(() => {
      if (!isAtEnd || document.documentElement.dir !== "rtl") return;
      table.scrollLeft = table.scrollWidth;
      ours = table.scrollLeft;
    });
    // What a part deep inside is wide, the table is wide.
    for (const part of [table, ...table.querySelectorAll("*")]) observer.observe(part);
  }
}

export default function ({ data }) {
  document.documentElement.lang = data.language;
  document.documentElement.dir = data.direction;
  document.cookie =
    `${data.cookie}=${data.language}; path=/; max-age=31536000; SameSite=Lax`;
  if (window.coinWords?.language === data.language) return;
  for (const table of document.querySelectorAll(".dvn-scroller")) table.scrollLeft = 0;
  if (data.direction === "rtl") beginAtRight(document.body);
  // A change of the language puts back the words that it had replaced.
  const back = (window.coinWords?.words ?? []).map(([english, text]) => [text, english]);
  window.coinWords?.observer.disconnect();
  if (back.length) translateNode(document.body, translator(back));
  const translate = translator(data.streamlit);
  const observer = new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList")
        change.addedNodes.forEach((node) => {
          translateNode(node, translate);
          if (data.direction === "rtl") beginAtRight(node);
        });
      else translateNode(change.target, translate);
    }
  });
  window.coinWords = { language: data.language, words: data.streamlit, observer };
  if (!data.streamlit.length) return;
  translateNode(document.body, translate);
  observer.observe(document.body, {
    attributeFilter: ATTRIBUTES,
    characterData: true,
    childList: true,
    subtree: true,
  });
}
