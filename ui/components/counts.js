// A bar chart of photos per ruler: a click on a bar filters, a second click clears.
export default function ({ data, parentElement, setTriggerValue }) {
  const bars = parentElement.querySelector(".bars");
  const largest = Math.max(1, ...data.rows.map((row) => row.count));
  bars.replaceChildren(...data.rows.map((row) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = row.key;
    const selected = row.key === data.selected;
    button.className = selected ? "selected" : data.selected === null ? "" : "pale";
    button.setAttribute("aria-pressed", selected);
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = row.label;
    const bar = document.createElement("span");
    bar.className = "bar";
    const fill = document.createElement("span");
    fill.className = "fill";
    fill.style.width = `calc((100% - 5rem) * ${row.count / largest})`;
    fill.style.background = row.colour;
    const count = document.createElement("span");
    count.textContent = row.count.toLocaleString("en");
    bar.append(fill, count);
    button.append(label, bar);
    const { all, only } = data.words;
    button.title = selected ? all : only.replace("{ruler}", row.label);
    button.onclick = () => setTriggerValue("pick", selected ? "" : row.key);
    return button;
  }));
}
