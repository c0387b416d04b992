// The results of several photos: a click anywhere in a row opens it, the arrows up and
// down go from row to row, a heading sorts. Names are inserted as text, never as HTML.
function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function named(tag, className, text) {
  const node = make(tag, className, text);
  node.dir = "auto"; // a Hebrew name keeps its order beside Latin words
  return node;
}

function makeRow(photo, secondTitle) {
  const row = make("tr", "");
  row.dataset.id = photo.id;
  const picture = make("td", "picture");
  const image = make("img", "");
  image.loading = "lazy";
  image.alt = "";
  image.width = image.height = 48;
  if (photo.src) image.src = photo.src;
  picture.append(image);
  const name = make("th", "photo");
  name.scope = "row";
  name.append(named("span", "name", photo.name));
  if (photo.context) name.append(named("span", "note", photo.context));
  const verdict = make("td", "verdict");
  verdict.append(make("span", photo.answered ? "said" : "said unsure", photo.verdict));
  if (photo.face) verdict.append(named("span", "own", photo.face));
  if (photo.own) verdict.append(named("span", "own", photo.own));
  const chance = make("td", "chance");
  if (photo.percent) {
    const bar = make("span", "bar");
    const fill = make("span", photo.answered ? "fill" : "fill pale");
    fill.style.width = `${photo.share}%`;
    bar.append(fill);
    chance.append(bar, make("span", "number", photo.percent));
  }
  const second = make("td", "second", photo.second);
  second.dataset.title = secondTitle; // where the headings are not shown
  row.append(picture, name, verdict, chance, second,
    make("td", "reason", photo.reason));
  return row;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".results");
  const state = (parentElement.coinResults ??= { rows: [], top: 0 });
  const isNew = !box.firstChild;
  if (isNew) {
    box.append(make("table", ""));
    box.onscroll = () => { state.top = box.scrollTop; };
  }
  box.dir = data.direction;
  const table = box.firstChild;
  table.setAttribute("aria-label", data.label);
  const head = make("tr", "");
  for (const column of data.columns) {
    const cell = make("th", column.className);
    cell.scope = "col";
    if (column.key) {
      const isSorted = data.sorted === column.key;
      cell.setAttribute("aria-sort",
        !isSorted ? "none" : data.descending ? "descending" : "ascending");
      const button = make("button", "", column.title);
      button.type = "button";
      button.onclick = () => setTriggerValue("sort", column.key);
      if (isSorted) button.append(make("span", "mark", data.descending ? " ▾" : " ▴"));
      cell.append(button);
    } else {
      cell.textContent = column.title;
    }
    head.append(cell);
  }
  const secondTitle = data.columns.find((one) => one.className === "second").title;
  const rows = data.photos.map((photo) => makeRow(photo, secondTitle));
  const focused = box.getRootNode().activeElement?.closest?.("tr[data-id]");
  const heading = make("thead", "");
  heading.append(head);
  const body = make("tbody", "");
  body.append(...rows);
  table.replaceChildren(heading, body);
  box.scrollTop = state.top;

  const mark = (id, reveal) => {
    rows.forEach((row) => {
      const isShown = row.dataset.id === id;
      row.setAttribute("aria-selected", isShown);
      row.tabIndex = isShown ? 0 : -1;
      if (!isShown || !reveal) return;
      // Only the table is scrolled, never the page.
      const above = row.offsetTop - heading.offsetHeight;
      const below = row.offsetTop + row.offsetHeight - box.clientHeight;
      if (box.scrollTop > above) box.scrollTop = above;
      else if (box.scrollTop < below) box.scrollTop = below;
    });
  };
  mark(data.selected, isNew || state.selected !== data.selected);
  state.selected = data.selected;
  if (focused) rows.find((row) => row.dataset.id === data.selected)?.focus({ preventScroll: true });

  const open = (row) => {
    if (!row || row.dataset.id === state.selected) return;
    state.selected = row.dataset.id;
    mark(row.dataset.id, true); // at once, before the page has answered
    row.focus({ preventScroll: true });
    setTriggerValue("open", row.dataset.id);
  };
  body.onclick = (event) => open(event.target.closest("tr"));
  body.onkeydown = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    open(rows[rows.indexOf(event.target.closest("tr")) + step]);
  };
}
