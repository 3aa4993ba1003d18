// A drawing higher than its room is shown first where it begins: at its first box.
for (const room of document.querySelectorAll(".graph-room")) {
  const first = room.querySelector("svg [transform]").getBoundingClientRect();
  const seen = room.getBoundingClientRect();
  room.scrollTop += first.top - seen.top - (seen.height - first.height) / 2;
}
