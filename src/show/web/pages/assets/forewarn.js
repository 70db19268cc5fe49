// Comfort only; every page is whole without it: times in the reader's zone, rows narrowed while typing, the page's age.
"use strict";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const local = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const times = [...document.querySelectorAll("time[datetime]")].map((element) => {
  const at = new Date(element.dateTime);
  return { element, said: element.textContent, local: Number.isNaN(at.getTime()) ? element.textContent : local.format(at) };
});

function kept() {
  try { return localStorage.getItem("forewarn.zone"); } catch { return null; }
}
function keep(value) {
  try { localStorage.setItem("forewarn.zone", value); } catch { /* the choice lasts for this page */ }
}

// Times: the other form is in the title; the button in the foot swaps them.
function show(mine) {
  for (const { element, said, local } of times) {
    element.textContent = mine ? local : said;
    element.title = mine ? said : local;
  }
}
if (times.length > 0 && zone !== "UTC") {
  const button = document.createElement("button");
  button.type = "button";
  let mine = kept() === "mine";
  const paint = () => {
    show(mine);
    button.textContent = mine ? "times in UTC" : "times in " + zone;
  };
  button.addEventListener("click", () => {
    mine = !mine;
    keep(mine ? "mine" : "utc");
    paint();
  });
  paint();
  document.querySelector("footer").append(button);
}

// Rows that are on the page are narrowed at once; Enter asks for all tokens.
const box = document.getElementById("filter");
const tables = [...document.querySelectorAll("main table.tokens")];
if (tables.length > 0 && box) {
  const told = document.createElement("p");
  told.className = "small";
  told.setAttribute("role", "status");
  document.querySelector("main").prepend(told);
  const asked = box.value;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter((word) => word && !word.includes("="));
    let shown = 0;
    let all = 0;
    for (const row of tables.flatMap((one) => [...one.tBodies[0].rows])) {
      const text = row.textContent.toLowerCase();
      row.hidden = box.value !== asked && !words.every((word) => text.includes(word));
      all += 1;
      shown += row.hidden ? 0 : 1;
    }
    told.textContent = shown === all ? "" : shown + " of " + all + " rows on this page; Enter asks for all tokens";
  });
}

// A page that lies open says how old it is; nothing moves by itself.
const opened = Date.now();
const age = document.createElement("span");
age.className = "stale-page";
age.setAttribute("role", "status");
document.querySelector("footer").append(age);
setInterval(() => {
  const minutes = Math.floor((Date.now() - opened) / 60000);
  if (minutes >= 2) age.textContent = "this page is " + minutes + " min old; reload it for the present state";
}, 30000);
