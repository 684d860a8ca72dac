// The condition that codes are decoded with: one row of choices, or a slider, for each thing that is known of an image.

const MAX_BUTTONS = 12; // choices beyond are a menu
const conditionRows = []; // per field {start, choices, ...}

function buildCondition() {
  $('condition').hidden = !K;
  if (!K) return;
  let start = 0;
  facts.condition.fields.forEach((field, f) => {
    const row = {field, start, size: Math.max(1, field.choices.length)};
    start += row.size;
    const box = make('div', {className: 'given', role: 'group', 'aria-label': field.name});
    box.append(make('h3', {}, make('bdi', {textContent: field.name})));
    if (!field.choices.length) numberRow(row, box);
    else if (field.choices.length > MAX_BUTTONS) menuRow(row, box);
    else buttonRow(row, box);
    conditionRows[f] = row;
    $('condition').append(box);
  });
}

function buttonRow(row, box) {
  const strip = make('div', {className: 'strip choices'});
  row.sets = fillStrip(strip, row.field.choices, k => choose(row, k));
  row.buttons = [...strip.querySelectorAll('button')];
  row.buttons.forEach((button, k) => {
    button.tabIndex = 0;
    button.setAttribute('aria-label', `decode as ${row.field.choices[k]}`);
  });
  row.show = () => {
    const now = chosenOf(row);
    row.buttons.forEach((button, k) => button.setAttribute('aria-pressed', k === now));
    const z = row.field.choices.map(() => current.z);
    decodeMany(`condition ${row.start}`, z, (k, picture) => row.sets[k].show(picture), z.map((_, k) => withChoice(row, k)));
  };
  box.append(strip);
}

function menuRow(row, box) {
  const menu = make('select', {'aria-label': row.field.name});
  menu.append(...row.field.choices.map((name, value) => make('option', {value, textContent: name})));
  menu.addEventListener('change', () => choose(row, +menu.value));
  row.show = () => (menu.value = chosenOf(row));
  box.append(menu);
}

function numberRow(row, box) {
  const {name, low, high, mean, std} = row.field;
  const range = make('input', {type: 'range', min: low, max: high, step: (high - low) / 200 || 1, 'aria-label': name});
  const output = make('output');
  range.addEventListener('input', () => {
    const given = current.given.slice();
    given[row.start] = +range.value;
    setGiven(given);
  });
  row.show = () => {
    setRange(range, current.given[row.start]);
    output.textContent = String(+(current.given[row.start] * std + mean).toPrecision(3)).replace('-', '−');
  };
  box.append(make('div', {className: 'scrub'}, make('label', {}, range), output));
}

const chosenOf = ({start, size}) => current.given.subarray(start, start + size).indexOf(1);

function withChoice({start, size}, k) {
  const given = current.given.slice();
  given.fill(0, start, start + size);
  given[start + k] = 1;
  return given;
}

function choose(row, k) {
  setGiven(withChoice(row, k));
  say(`${row.field.name}: ${row.field.choices[k]}`);
}

// Another condition for the code of this moment, which is no example's any more.
function setGiven(given) {
  current.given = given;
  current.example = null;
  showSlots();
  codeChanged();
}

function showCondition() {
  for (const row of conditionRows) row.show();
}

// As `vaelab generate` takes it: condition=sneaker, or all values in order.
function conditionInWords() {
  const values = conditionRows.map(row => {
    const {choices, mean, std} = row.field;
    if (!choices.length) return String(+(current.given[row.start] * std + mean).toPrecision(6));
    const k = chosenOf(row);
    return /^[A-Za-z0-9]\w*$/.test(choices[k]) ? choices[k] : String(k);
  });
  return values.length === 1 ? values[0] : `[${values.join(',')}]`;
}
