// Photos per ruler as bars; a click on a bar shows only those, another click all.
export default function ({ data, parentElement, setTriggerValue }) {
  const bars = parentElement.querySelector(".bars");
  const most = Math.max(1, ...data.rows.map((row) => row.count));
  bars.replaceChildren(...data.rows.map((row) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = row.key;
    const chosen = row.key === data.chosen;
    button.className = chosen ? "chosen" : data.chosen === null ? "" : "pale";
    button.setAttribute("aria-pressed", chosen);
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = row.label;
    const bar = document.createElement("span");
    bar.className = "bar";
    const fill = document.createElement("span");
    fill.className = "fill";
    fill.style.width = `calc((100% - 5rem) * ${row.count / most})`;
    fill.style.background = row.colour;
    const count = document.createElement("span");
    count.textContent = row.count.toLocaleString("en");
    bar.append(fill, count);
    button.append(label, bar);
    button.title = chosen ? "Show all rulers again" : `Show only: ${row.label}`;
    button.onclick = () => setTriggerValue("pick", chosen ? "" : row.key);
    return button;
  }));
}
