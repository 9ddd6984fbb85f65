// Sets the colours before the page is painted, and keeps the choice made in the account menu.
(() => {
  "use strict";
  const key = "formroom-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(key) || "auto";
    } catch {
      // Storage may be closed to us; the browser's own preference then holds.
      return "auto";
    }
  }

  function apply() {
    const choice = chosen();
    const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = theme;
    for (const button of document.querySelectorAll("[data-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.theme === choice));
    }
  }

  function choose(event) {
    const button = event.target.closest("[data-theme]");
    if (!button) return;
    try {
      localStorage.setItem(key, button.dataset.theme);
    } catch {
      return;
    }
    apply();
  }

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", choose);
  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-theme-choice]")) group.hidden = false;
    apply();
  });
})();
