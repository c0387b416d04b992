// Review by keyboard: every key is also a button. After a decision the keys are disabled
// until the page has stored it and shows the next photo.
function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(key, label, className, note) {
  const node = make("button", className);
  node.type = "button";
  node.append(make("kbd", "", key), make("span", "", label));
  if (note) node.append(make("span", "note", note));
  return node;
}

const isTyping = (event) => event.composedPath().some((node) =>
  node instanceof Element && (node.isContentEditable ||
    node.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select")));

// The letter or digit on a key of a US keyboard, where the layout writes no Latin letter.
const placed = (event) => (event.shiftKey || /^[a-z]$/i.test(event.key) ? ""
  : event.code.match(/^(?:Key|Digit)(.)$/)?.[1].toLowerCase());

const isOnPhoto = (event) => event.composedPath().some((node) =>
  node instanceof Element && node.matches(".viewer"));

export default function ({ data, parentElement, setTriggerValue }) {
  const keys = parentElement.querySelector(".keys");
  const state = (parentElement.coinReview ??= {});
  state.isDisabled = false;
  state.isExcluding = false;
  keys.classList.remove("pending");
  keys.dataset.photo = data.photo;

  const decide = (what, value) => {
    if (state.isDisabled) return;
    state.isDisabled = true;
    keys.classList.add("pending");
    setTriggerValue("decision", { photo: data.photo, turn: data.turn, what, value });
    // If the answer is lost, the keys are enabled again.
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      state.isDisabled = false;
      keys.classList.remove("pending");
    }, 4000);
  };
  clearTimeout(state.timer);

  const reasons = make("div", "reasons");
  reasons.hidden = true;
  reasons.append(make("span", "", data.words.because));
  const reasonRow = make("div", "row");
  reasons.append(reasonRow);
  const askReason = (open) => {
    state.isExcluding = open;
    reasons.hidden = !open;
  };

  const actions = new Map();
  const nodes = [];
  data.rulers.forEach((ruler, index) => {
    const key = String(index + 1);
    const className = ruler.current ? "ruler current" : "ruler";
    const node = button(key, ruler.title, className, ruler.note);
    node.style.setProperty("--colour", ruler.colour);
    actions.set(key, () => decide("ruler", ruler.key));
    node.onclick = actions.get(key);
    nodes.push(node);
  });
  const cannotTell = button("0", data.words.cannotTell, "ruler", "");
  cannotTell.style.setProperty("--colour", "#b9ab97");
  cannotTell.onclick = () => decide("ruler", null);
  actions.set("0", cannotTell.onclick);
  nodes.push(cannotTell);

  const row = make("div", "row");
  const arrows = [["←", "arrowleft"], ["→", "arrowright"]];
  if (getComputedStyle(keys).direction === "rtl") arrows.reverse();  // text goes left
  const [[backSign, backKey], [skipSign, skipKey]] = arrows;
  const tools = [
    ["X", data.words.exclude, "x", () => askReason(!state.isExcluding)],
    ["U", data.words.undo, "u", () => decide("undo", null)],
    [backSign, data.words.back, backKey, () => decide("step", -1)],
    [skipSign, data.words.skip, skipKey, () => decide("step", 1)],
  ];
  for (const [sign, label, key, action] of tools) {
    const node = button(sign, label, "small");
    node.onclick = action;
    actions.set(key, action);
    row.append(node);
  }
  const reasonActions = new Map();
  data.reasons.forEach((reason, index) => {
    const key = String(index + 1);
    const node = button(key, reason.title, "small");
    node.onclick = () => decide("exclude", reason.key);
    reasonActions.set(key, node.onclick);
    reasonRow.append(node);
  });
  const cancel = button("Esc", data.words.cancel, "small");
  cancel.onclick = () => askReason(false);
  reasonActions.set("escape", cancel.onclick);
  reasonActions.set("x", cancel.onclick);
  reasonRow.append(cancel);
  keys.replaceChildren(...nodes, row, reasons);
  // A menu that was clicked must not take the arrow keys; one that was reached by
  // keyboard may.
  const focused = document.activeElement;
  if (focused?.closest("[data-testid=stButtonGroup]") && !focused.matches(":focus-visible"))
    focused.blur();

  state.onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const enabled = state.isExcluding ? reasonActions : actions;
    const action = enabled.get(event.key.toLowerCase()) ?? enabled.get(placed(event));
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) action();
  };
  if (!state.listener) {
    // On the photo, which would zoom or move by some of these keys, they come first.
    state.listener = (event) => {
      const isFirst = event.eventPhase === Event.CAPTURING_PHASE;
      if (isFirst === isOnPhoto(event)) state.onKey(event);
    };
    for (const isFirst of [true, false]) {
      document.addEventListener("keydown", state.listener, isFirst);
    }
  }
  return () => {
    for (const isFirst of [true, false]) {
      document.removeEventListener("keydown", state.listener, isFirst);
    }
    state.listener = null;
    clearTimeout(state.timer);
  };
}
