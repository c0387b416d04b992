// The language is kept in this browser, and the page says which one it is in.
export default function ({ data }) {
  document.documentElement.lang = data.language;
  document.documentElement.dir = data.direction;
  document.cookie =
    `${data.cookie}=${data.language}; path=/; max-age=31536000; SameSite=Lax`;
}
