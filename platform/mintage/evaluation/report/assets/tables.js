// Tables: sorting, CSV, the table behind each plot, the search among all pairs.
const SHOWN_ROWS = 200;

function cellValue(cell) {
  const raw = cell.dataset.value;
  if (raw === undefined) return cell.textContent;
  if (raw === "") return null;
  const number = Number(raw);
  return Number.isNaN(number) ? raw : number;
}

function compare(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), "en", {numeric: true});
}

// Gaps stand last whichever way a column is sorted.
function sortTable(table, position, descending) {
  const keyed = [...table.tBodies[0].rows].map((row) => [cellValue(row.cells[position]), row]);
  keyed.sort(([left], [right]) => {
    if (left === null || right === null) return (left === null) - (right === null);
    return descending ? compare(right, left) : compare(left, right);
  });
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

function onSort(button) {
  const head = button.closest("th");
  const table = head.closest("table");
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  sortTable(table, head.cellIndex, descending);
}

function onDownload(button) {
  const table = document.getElementById(button.dataset.table);
  const source = DATA.pairs[table.dataset.source];
  const head = source ? PAIR_HEAD : [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = source ? allPairs(source) : [...table.tBodies[0].rows].map((row) => [...row.cells].map(cellValue));
  download(table.id, csvText(head, rows));
}

function filledRow(values) {
  const row = document.createElement("tr");
  values.forEach((value, position) => {
    const number = typeof value === "number";
    const cell = element(position ? "td" : "th", undefined, number ? {className: "number"} : {});
    if (!position) cell.scope = "row";
    if (number || value === null) {
      cell.textContent = written(value);
      cell.dataset.value = value === null ? "" : value;
    } else {
      cell.append(element("bdi", value));
    }
    row.append(cell);
  });
  return row;
}

// The numbers behind a plot; made when they are asked for, so that hundreds of plots cost nothing.
function fillDetails(details) {
  if (details.querySelector("table")) return;
  const {head, rows} = chartTable(DATA.charts[details.dataset.chart]);
  const table = element("table");
  const label = details.querySelector("summary").textContent;
  table.append(element("caption", label, {className: "unseen"}));
  const line = table.createTHead().insertRow();
  for (const title of head) line.append(element("th", title, {scope: "col"}));
  table.createTBody().append(...rows.slice(0, SHOWN_ROWS).map(filledRow));
  const scroll = element("div", undefined, {className: "scroll long", tabIndex: 0, role: "group", ariaLabel: label});
  scroll.append(table);
  const button = element("button", "CSV", {type: "button", className: "csv", ariaLabel: `Download as CSV: ${label}`});
  button.addEventListener("click", () => download(label, csvText(head, rows)));
  details.append(scroll);
  if (rows.length > SHOWN_ROWS) details.append(element("p", `${SHOWN_ROWS} of ${written(rows.length, 9)} rows; the CSV has all.`, {className: "hint"}));
  details.append(button);
}

// A search over all pairs of columns: the table itself holds only the worst.
function addPairSearch(table) {
  const source = DATA.pairs[table.dataset.source];
  const body = table.tBodies[0];
  const worst = [...body.rows];
  if (source.left.length <= worst.length) return;
  const names = source.names.map((name) => name.toLocaleLowerCase());
  const input = element("input", undefined, {type: "search", id: `${table.id}-search`, autocomplete: "off", spellcheck: false});
  const label = element("label", "Show pairs with a column whose name contains", {htmlFor: input.id});
  const status = element("span", `the worst ${worst.length} of ${written(source.left.length, 9)}`, {className: "filter-count", role: "status"});
  const line = element("p", undefined, {className: "filter"});
  line.append(label, input, status);
  table.closest(".table-block").prepend(line);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLocaleLowerCase();
    for (const cell of table.tHead.rows[0].cells) cell.setAttribute("aria-sort", "none");
    if (!wanted) {
      body.replaceChildren(...worst);
      status.textContent = `the worst ${worst.length} of ${written(source.left.length, 9)}`;
      return;
    }
    const matching = names.map((name) => name.includes(wanted));
    const found = source.left.map((_, index) => index).filter((index) => matching[source.left[index]] || matching[source.right[index]]);
    body.replaceChildren(...found.slice(0, SHOWN_ROWS).map((index) => filledRow(pairRow(source, index))));
    status.textContent = `${written(Math.min(found.length, SHOWN_ROWS), 9)} of ${written(found.length, 9)} that match`;
  });
}

function onFilter(input) {
  const figures = [...document.getElementById(input.dataset.filter).querySelectorAll(".plot-figure")];
  const wanted = input.value.trim().toLocaleLowerCase();
  for (const figure of figures) figure.hidden = !figure.dataset.name.toLocaleLowerCase().includes(wanted);
  const shown = figures.filter((figure) => !figure.hidden).length;
  input.parentElement.querySelector(".filter-count").textContent = `${shown} of ${figures.length}`;
}
