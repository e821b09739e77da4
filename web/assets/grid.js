// The grid of a forecast, for those who fill it in by keys and from spreadsheets. Without a script its fields are plain fields.
import { words } from "./words.js";
const fields = (row) => [...row.querySelectorAll(".grid-field")];
const rows = (grid) => [...grid.querySelectorAll("tr")].filter((row) => row.querySelector(".grid-field"));

// near is the field so many to the right and down, by the bucket's column.
function near(field, right, down) {
  const all = rows(field.closest(".buckets")), row = field.closest("tr");
  const target = all[all.indexOf(row) + down];
  if (!target) return;
  return fields(target)[fields(row).indexOf(field) + right];
}
function go(to, event) {
  if (!to) return;
  event.preventDefault();
  to.focus();
  to.select();
}
const put = (field, value) => {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.classList?.contains("grid-field") || event.ctrlKey || event.metaKey || event.altKey) return;
  const atStart = field.selectionEnd === 0 || field.selectionEnd - field.selectionStart === field.value.length;
  const atEnd = field.selectionStart === field.value.length || atStart;
  switch (event.key) {
    case "Enter": return go(near(field, 0, event.shiftKey ? -1 : 1) ?? field, event);
    case "ArrowDown": return go(near(field, 0, 1), event);
    case "ArrowUp": return go(near(field, 0, -1), event);
    case "ArrowRight": return atEnd && go(near(field, 1, 0), event);
    case "ArrowLeft": return atStart && go(near(field, -1, 0), event);
    case "a":
      event.preventDefault();
      put(field, field.dataset.forecast);
      return go(near(field, 1, 0) ?? field, event);
    case "A":
      event.preventDefault();
      fields(field.closest("tr")).forEach((f) => put(f, f.dataset.forecast));
  }
});

// A block of cells goes to the right and down from the field it is pasted into; what does not fit is left out, and said.
document.addEventListener("paste", (event) => {
  const field = event.target;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!field.classList?.contains("grid-field") || !/[\t\n]/.test(text.trim())) return;
  event.preventDefault();
  let lost = 0;
  text.replace(/\r/g, "").replace(/\n$/, "").split("\n").forEach((line, down) => line.split("\t").forEach((value, right) => {
    const to = near(field, right, down);
    if (to) put(to, value.trim());
    else if (value.trim()) lost++;
  }));
  const place = document.getElementById("announcements");
  if (lost && place) {
    const notice = document.createElement("p");
    notice.className = "notice tone-warn";
    notice.setAttribute("role", "alert");
    notice.textContent = words.lost.replace("%d", lost);
    place.replaceChildren(notice);
  }
});

// Copying from a field without a selection copies its row, for a spreadsheet.
document.addEventListener("copy", (event) => {
  const field = document.activeElement;
  if (!field?.classList.contains("grid-field") || field.selectionStart !== field.selectionEnd) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", fields(field.closest("tr")).map((f) => f.value).join("\t"));
});
