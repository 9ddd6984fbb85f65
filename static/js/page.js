// Small comforts on every page; each page works without them.
(() => {
  "use strict";

  function inText(target) {
    return target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
  }

  // "/" goes to the search field, Escape leaves it and folds open menus.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.getElementById("search");
    if (event.key === "/" && search && !inText(event.target)) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (event.target === search) search.blur();
    }
  });

  // A menu folds when something else is pressed.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // A form that opens takes the cursor to its first field.
  document.addEventListener(
    "toggle",
    (event) => {
      if (!event.target.matches("details.chooser[open]")) return;
      const field = event.target.querySelector("input:not([type=hidden]), textarea, select");
      if (field) field.focus();
    },
    true,
  );

  // A second press of a button sends nothing; coming back by the browser's history frees it again. A form that
  // answers with a download leaves the page standing, so it says data-repeat.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || "repeat" in form.dataset) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
