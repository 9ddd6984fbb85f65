// The register by keyboard: a letter sets the code, the arrows go from student to student, the counts follow.
(() => {
  "use strict";
  const form = document.querySelector("[data-register-form]");
  const list = document.querySelector("[data-register]");
  if (!form || !list) return;
  const rows = [...list.querySelectorAll("[role=group]")];
  const counts = document.querySelector("[data-register-counts]");
  let changed = false;

  function chosen(row) {
    return row.querySelector("input[type=radio]:checked") || row.querySelector("input[type=radio]");
  }

  function count() {
    const words = new Map();
    for (const radio of rows[0].querySelectorAll("input[type=radio]")) words.set(radio.dataset.word, 0);
    for (const row of rows) {
      const radio = row.querySelector("input[type=radio]:checked");
      if (radio) words.set(radio.dataset.word, words.get(radio.dataset.word) + 1);
    }
    const parts = [...words].filter(([, number]) => number > 0).map(([word, number]) => `${number} ${word}`);
    counts.textContent = parts.join(" · ");
  }

  function typing(target) {
    return target.closest("input:not([type=radio]), textarea, select, summary");
  }

  function go(row) {
    if (!row) return;
    chosen(row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function set(row, key) {
    const radio = row.querySelector(`input[data-key="${CSS.escape(key)}"]`);
    if (!radio) return false;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    radio.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const at = rows.indexOf(event.target.closest("[role=group]"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (at < 0 && event.key === "ArrowUp") return;
      event.preventDefault();
      go(at < 0 ? rows[0] : rows[at + (event.key === "ArrowDown" ? 1 : -1)]);
    } else if (event.key.length === 1 && at >= 0 && set(rows[at], event.key.toLowerCase())) {
      event.preventDefault();
    }
  });

  list.addEventListener("change", () => {
    changed = true;
    count();
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
  count();
})();
