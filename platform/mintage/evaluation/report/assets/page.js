// The page comes alive: plots when they are seen, buttons, the theme, print.
const ROOT = document.documentElement;
const SYSTEM_DARK = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll(".plot")];

function isDark() {
  return ROOT.dataset.theme ? ROOT.dataset.theme === "dark" : SYSTEM_DARK.matches;
}

const seen = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.add(entry.target);
      drawPlot(entry.target);
    } else {
      seen.delete(entry.target);
    }
  }
}, {rootMargin: "300px 0px"});
for (const plot of plots) observer.observe(plot);

// Plots hold their colours: what is seen is drawn again, the rest when it is seen next.
function redraw() {
  for (const plot of plots) delete plot.dataset.drawn;
  for (const plot of seen) drawPlot(plot);
}

function showTheme() {
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(isDark()));
}

document.getElementById("theme").addEventListener("click", () => {
  ROOT.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("mintage-report-theme", ROOT.dataset.theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  showTheme();
  redraw();
});
SYSTEM_DARK.addEventListener("change", () => {
  showTheme();
  redraw();
});
showTheme();

// On paper everything is drawn, light, and as wide as the paper.
let themeBefore;
addEventListener("beforeprint", () => {
  themeBefore = ROOT.dataset.theme;
  ROOT.dataset.theme = "light";
  for (const plot of plots) drawPlot(plot, {paper: true});
});
addEventListener("afterprint", () => {
  if (themeBefore) ROOT.dataset.theme = themeBefore;
  else delete ROOT.dataset.theme;
  redraw();
});
document.getElementById("print").addEventListener("click", () => print());

let resizing;
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(resizing);
  resizing = setTimeout(redraw, 150);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.classList.contains("sort")) onSort(button);
  if (button.dataset.table) onDownload(button);
});
document.addEventListener("input", (event) => {
  if (event.target.dataset.filter) onFilter(event.target);
});
for (const details of document.querySelectorAll(".plot-data")) {
  details.addEventListener("toggle", () => details.open && fillDetails(details));
}
for (const table of document.querySelectorAll("table[data-source]")) addPairSearch(table);
