// Review with one hand: every key is also a button. After a decision the keys rest
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

const writing = (event) => event.composedPath().some((node) =>
  node instanceof Element && (node.isContentEditable ||
    node.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select")));

export default function ({ data, parentElement, setTriggerValue }) {
  const keys = parentElement.querySelector(".keys");
  const kept = (parentElement.coinReview ??= {});
  kept.resting = false;
  kept.asking = false;
  keys.classList.remove("waiting");
  keys.dataset.photo = data.photo;

  const say = (what, value) => {
    if (kept.resting) return;
    kept.resting = true;
    keys.classList.add("waiting");
    setTriggerValue("said", { photo: data.photo, turn: data.turn, what, value });
    // Should the answer be lost, the keys must not stay dead.
    clearTimeout(kept.wake);
    kept.wake = setTimeout(() => {
      kept.resting = false;
      keys.classList.remove("waiting");
    }, 4000);
  };
  clearTimeout(kept.wake);

  const reasons = make("div", "reasons");
  reasons.hidden = true;
  reasons.append(make("span", "", "Exclude it, because it is …"));
  const reasonRow = make("div", "row");
  reasons.append(reasonRow);
  const ask = (open) => { kept.asking = open; reasons.hidden = !open; };

  const acts = new Map();
  const nodes = [];
  data.rulers.forEach((ruler, at) => {
    const key = String(at + 1);
    const node = button(key, ruler.title, ruler.now ? "ruler now" : "ruler", ruler.note);
    node.style.setProperty("--colour", ruler.colour);
    acts.set(key, () => say("ruler", ruler.key));
    node.onclick = acts.get(key);
    nodes.push(node);
  });
  const none = button("0", "Cannot tell", "ruler", "");
  none.style.setProperty("--colour", "#b9ab97");
  none.onclick = () => say("ruler", null);
  acts.set("0", none.onclick);
  nodes.push(none);

  const row = make("div", "row");
  const rest = [
    ["X", "Exclude …", "x", () => ask(!kept.asking)],
    ["U", "Undo", "u", () => say("undo", null)],
    ["←", "Back", "arrowleft", () => say("step", -1)],
    ["→", "Skip", "arrowright", () => say("step", 1)],
  ];
  for (const [sign, label, key, act] of rest) {
    const node = button(sign, label, "small");
    node.onclick = act;
    acts.set(key, act);
    row.append(node);
  }
  const why = new Map();
  data.reasons.forEach((reason, at) => {
    const key = String(at + 1);
    const node = button(key, reason.title, "small");
    node.onclick = () => say("exclude", reason.key);
    why.set(key, node.onclick);
    reasonRow.append(node);
  });
  const away = button("Esc", "Not after all", "small");
  away.onclick = () => ask(false);
  why.set("escape", away.onclick);
  why.set("x", away.onclick);
  reasonRow.append(away);
  keys.replaceChildren(...nodes, row, reasons);
  // A menu that was clicked would keep the arrows for itself; one that was reached by
  // keyboard may.
  const focused = document.activeElement;
  if (focused?.closest("[data-testid=stButtonGroup]") && !focused.matches(":focus-visible"))
    focused.blur();

  kept.hear = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event)) return;
    const act = (kept.asking ? why : acts).get(event.key.toLowerCase());
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) act();
  };
  if (!kept.listener) {
    kept.listener = (event) => kept.hear(event);
    document.addEventListener("keydown", kept.listener);
  }
  return () => {
    document.removeEventListener("keydown", kept.listener);
    kept.listener = null;
    clearTimeout(kept.wake);
  };
}
