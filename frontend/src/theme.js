const year = 60 * 60 * 24 * 365;

export const remember = (name, value) => {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${name}=${value};path=/;max-age=${value ? year : 0};samesite=lax${secure}`;
};

const isDark = () => {
  const said = document.documentElement.dataset.theme;
  return said ? said === "ink" : matchMedia("(prefers-color-scheme: dark)").matches;
};

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-to], [data-theme-toggle], [data-rail-toggle]");
    if (!button) return;
    event.preventDefault();
    const html = document.documentElement;
    if (button.matches("[data-rail-toggle]")) {
      const narrow = html.dataset.rail !== "narrow";
      narrow ? (html.dataset.rail = "narrow") : delete html.dataset.rail;
      button.setAttribute("aria-pressed", String(narrow));
      remember("rail", narrow ? "narrow" : "");
      return;
    }
    const to = button.dataset.themeTo ?? (isDark() ? "light" : "dark");
    to === "system" ? delete html.dataset.theme : (html.dataset.theme = to === "dark" ? "ink" : "paper");
    remember("theme", to);
    fetch(document.body.dataset.preference, {
      method: "POST",
      headers: { "X-CSRFToken": document.querySelector('meta[name="csrf"]').content, "HX-Request": "true" },
      body: new URLSearchParams({ theme: to }),
    }).catch(() => {}); // the cookie has it; the account learns it another time
    document.dispatchEvent(new CustomEvent("themechange"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new CustomEvent("themechange")),
  );
}
