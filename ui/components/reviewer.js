// The reviewer's name is stored in this browser, so that it is asked only once.
const KEY = "coin-reviewer";

export default function ({ data, setStateValue }) {
  try {
    if (data.forget) localStorage.removeItem(KEY);
    else if (data.name) localStorage.setItem(KEY, data.name);
    else if (localStorage.getItem(KEY)) setStateValue("name", localStorage.getItem(KEY));
  } catch {
    // A browser without storage is asked once per visit.
  }
}
