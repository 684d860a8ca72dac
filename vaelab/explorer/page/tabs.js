// The four ways to move: latents, a path between two codes, arithmetic, neighbours.

let tab = 'latents';
const STEPS = 9;

// -- tabs: one is in the tab order, arrows go to the others -------------------------------------------------------------

const tabButtons = [...document.querySelectorAll('[role=tab]')];

function openTab(name) {
  tab = name;
  for (const button of tabButtons) {
    const on = button.id === `tab-${name}`;
    button.setAttribute('aria-selected', on);
    button.tabIndex = on ? 0 : -1;
    $(button.getAttribute('aria-controls')).hidden = !on;
  }
  if (name !== 'path') play(false);
  redraw('over');
  showHint();
  showTab();
  showCommands();
  addressChanged();
}

function listenToTabs() {
  for (const button of tabButtons) button.addEventListener('click', () => openTab(button.id.slice(4)));
  document.querySelector('[role=tablist]').addEventListener('keydown', event => {
    const open = tabButtons.filter(button => !button.hidden);
    const now = open.findIndex(button => button.id === `tab-${tab}`);
    const last = open.length - 1;
    const next = {
      ArrowRight: now === last ? 0 : now + 1,
      ArrowLeft: now === 0 ? last : now - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    open[next].focus();
    openTab(open[next].id.slice(4));
  });
}

// What the open tab shows of the code of this moment.
function showTab() {
  if (tab === 'latents') {
    showSliders();
    later('traversal', showTraversal);
  } else if (tab === 'path') {
    later('path', showPath);
  } else if (tab === 'arithmetic') {
    later('arithmetic', showArithmetic);
  } else if (tab === 'neighbours') {
    later('neighbours', showNeighbours);
  } else if (tab === 'training') {
    later('training', () => showKept(Math.min(F - 1, +$('epoch').value)));
  }
}

// Work that may wait until the hand rests for a moment; the newest of its name is done.
const timers = new Map();
function later(name, work, wait = 60) {
  if (timers.has(name)) return;
  timers.set(
    name,
    setTimeout(() => {
      timers.delete(name);
      work();
    }, wait)
  );
}

// Menus of latents: all of them, or the private or shared ones.
function partMenus() {
  for (const label of document.querySelectorAll('.parts')) {
    label.hidden = facts.parts.length < 2;
    const menu = label.querySelector('select');
    menu.append(make('option', {value: -1, textContent: 'all latents'}));
    facts.parts.forEach((part, p) => menu.append(make('option', {value: p, textContent: part.name})));
    menu.addEventListener('change', showTab);
  }
}
const chosenPart = id => facts.parts[+$(id).value] ?? {start: 0, stop: D};

// -- latents ------------------------------------------------------------------------------------------------------------

const sliders = []; // per latent {d, range, output, row, shown: the value that both show}
const INACTIVE = 0.01; // nats
let traversed = 0; // the latent whose traversal is shown
let traversalSets = [];

function buildSliders() {
  const largest = facts.rate ? Math.max(...facts.rate, 1e-9) : 1;
  for (const part of facts.parts) {
    const group = make('div', {className: 'group'});
    if (facts.parts.length > 1) {
      const name = part.name[0].toUpperCase() + part.name.slice(1);
      const zero = make('button', {className: 'quiet', textContent: 'Zero', 'aria-label': `${name}: zero`});
      const draw = make('button', {className: 'quiet', textContent: 'Random', 'aria-label': `${name}: random`});
      zero.addEventListener('click', () => setPart(part, () => 0));
      draw.addEventListener('click', () => {
        const drawn = fromPrior();
        setPart(part, d => drawn[d]);
      });
      group.append(make('div', {className: 'group-head'}, make('h3', {textContent: name}), zero, draw));
    }
    const inPart = importance.filter(d => part.start <= d && d < part.stop);
    const idle = facts.rate ? inPart.filter(d => facts.rate[d] < INACTIVE) : [];
    for (const d of inPart.filter(d => !idle.includes(d))) group.append(sliderRow(d, largest));
    if (idle.length) {
      const title = `${idle.length} unused ${idle.length > 1 ? 'latents' : 'latent'} (rate below ${INACTIVE} nats)`;
      const rows = idle.map(d => sliderRow(d, largest));
      group.append(make('details', {open: idle.length === D}, make('summary', {textContent: title}), ...rows));
    }
    $('sliders').append(group);
  }
  traversed = importance[0];
  const names = Array.from({length: STEPS}, (_, k) => stepName(k));
  traversalSets = fillStrip($('traversal'), names, k => {
    const z = current.z.slice();
    z[traversed] = stepValue(k);
    setCode(z, {pinned: true});
    announce();
  });
}

function sliderRow(d, largest) {
  const range = make('input', {type: 'range', min: -reach[d], max: reach[d], step: 0.01, value: 0});
  range.setAttribute('aria-label', `latent ${d}`);
  const output = make('output');
  const bar = make('span', {className: 'rate'});
  const known = facts.rate ? `rate ${facts.rate[d].toFixed(2)} nats` : `standard deviation ${spread[d].toFixed(2)}`;
  bar.style.setProperty('--share', facts.rate ? facts.rate[d] / largest : Math.min(1, spread[d]));
  const row = make('div', {className: 'slider', title: `z${d}: ${known}`}, make('span', {className: 'latent'}, `z${d}`, bar), range, output);
  range.addEventListener('input', () => {
    const z = current.z.slice();
    z[d] = +range.value;
    setCode(z, {pinned: true});
    announce();
  });
  const traverse = () => {
    if (traversed === d) return;
    traversed = d;
    later('traversal', showTraversal);
  };
  range.addEventListener('focus', traverse);
  row.addEventListener('pointerenter', traverse);
  sliders[d] = {d, range, output, row};
  return row;
}

function setPart({start, stop}, value) {
  const z = current.z.slice();
  for (let d = start; d < stop; d++) z[d] = value(d);
  setCode(z, {pinned: true});
  announce();
}

// What has changed; where that is many, a few times a second: a browser needs 20 ms to paint sixty sliders anew.
const LIVE_SLIDERS = 16;
function showSliders() {
  const changed = sliders.filter(slider => slider.shown !== current.z[slider.d]);
  if (changed.length > LIVE_SLIDERS) later('sliders', () => setSliders(sliders));
  else setSliders(changed);
}

function setSliders(chosen) {
  for (const slider of chosen) {
    slider.shown = current.z[slider.d];
    setRange(slider.range, slider.shown);
    slider.output.textContent = spoken(slider.shown);
  }
}

// A range's value, and where its coloured part begins and ends.
function setRange(range, value) {
  const share = v => (v - range.min) / (range.max - range.min);
  range.value = value;
  range.style.setProperty('--zero', share(Math.max(0, range.min)));
  range.style.setProperty('--at', Math.max(0, Math.min(1, share(value))));
}

const spoken = v => v.toFixed(2).replace('-', '−');
const stepValue = k => reach[traversed] * ((2 * k) / (STEPS - 1) - 1);
const stepName = k => spoken(stepValue(k)).replace(/\.?0+$/, '') || '0';

function showTraversal() {
  for (let d = 0; d < D; d++) sliders[d].row.classList.toggle('chosen', d === traversed);
  $('traversal-title').textContent = `Traversal of ${latentName(traversed)}`;
  const list = traversalSets.map((_, k) => {
    const z = current.z.slice();
    z[traversed] = stepValue(k);
    return z;
  });
  captionStrip('traversal', stepName);
  decodeMany('traversal', list, (k, picture) => traversalSets[k].show(picture));
}

function captionStrip(id, name) {
  [...$(id).children].forEach((figure, k) => {
    figure.lastChild.textContent = name(k);
    figure.firstChild.title = name(k);
  });
}

// -- slots: codes that are kept -----------------------------------------------------------------------------------------

const slotSets = []; // {name, set, go, caption}

function buildSlots() {
  for (const box of document.querySelectorAll('.slots')) {
    [...box.dataset.slots].forEach((name, k) => {
      const before = box.querySelector('.sign:last-of-type');
      const append = (...nodes) => (box.dataset.slots.length > 2 ? before.before(...nodes) : box.append(...nodes));
      if (k && before) append(make('span', {className: 'sign', textContent: k === 1 ? '−' : '+', 'aria-hidden': 'true'}));
      const set = pictureSet(`code ${name}`);
      const visit = make('button', {'aria-label': `Go to ${name}`}, set);
      const keep = make('button', {textContent: `Set ${name}`, className: 'set'});
      const caption = make('span', {className: 'slot-name'});
      visit.addEventListener('click', () => visitSlot(name));
      keep.addEventListener('click', () => setSlot(name));
      append(make('div', {className: 'slot'}, visit, caption, keep));
      slotSets.push({name, set, caption});
    });
  }
}

function setSlot(name, {z, example} = current, {quiet = false} = {}) {
  slots[name] = {z: Float32Array.from(z), example};
  const near = example ?? nearestCodes(z, 1)[0][1];
  for (const slot of slotSets) {
    if (slot.name === name) slot.caption.textContent = `${name}: ${example === null ? 'near ' : ''}${nameOf(near)}`;
  }
  showSlots();
  if (quiet) return;
  say(`Slot ${name} set`);
  showTab();
  showCommands();
  redraw('over');
}

function showSlots() {
  const filled = slotSets.filter(({name}) => slots[name]);
  decodeMany('slots', filled.map(({name}) => slots[name].z), (k, picture) => filled[k].set.show(picture));
}

function visitSlot(name) {
  setCode(slots[name].z, {pinned: true, example: slots[name].example});
  announce();
}

// Something to begin with: three examples, of different classes where there are classes.
function firstSlots() {
  const k = facts.colourings.findIndex(way => way.kind === 'class');
  const used = new Set();
  let i = 0;
  for (const name of 'ABC') {
    while (k >= 0 && i < N - 1 && used.has(colours[k][i])) i++;
    if (k >= 0) used.add(colours[k][i]);
    setSlot(name, {z: codeOf(i), example: i}, {quiet: true});
    i = Math.min(N - 1, i + 1);
  }
}

// -- from A to B --------------------------------------------------------------------------------------------------------

let pathSets = [];
let playing = 0;

// Of a map without formula the images that the way passes, one after the other.
let pathPlaces = {key: null, places: []};
function placesOfPath() {
  const steps = Array.from({length: 41}, (_, k) => pathAt(k / 40));
  if (linearMap()) return steps.map(z => placeOf(z));
  const key = [axes, ...slots.A.z, ...slots.B.z, $('path-kind').value, $('path-part').value].join();
  if (pathPlaces.key !== key) {
    const passed = steps.map(nearestOnMap).filter((i, k, all) => i !== all[k - 1]);
    pathPlaces = {key, places: passed.map(i => ({x: maps[axes][2 * i], y: maps[axes][2 * i + 1]}))};
  }
  return pathPlaces.places;
}

const pathAt = t => between(slots.A.z, slots.B.z, t, $('path-kind').value === 'spherical', chosenPart('path-part'));

function buildPath() {
  const names = Array.from({length: STEPS}, (_, k) => (k / (STEPS - 1)).toFixed(2));
  pathSets = fillStrip($('path'), names, k => walkTo(k / (STEPS - 1)));
  $('t').addEventListener('input', () => walkTo(+$('t').value));
  $('path-kind').addEventListener('change', () => {
    showPath();
    showCommands();
    redraw('over');
  });
  $('play').addEventListener('click', () => play(!playing));
}

function showPath() {
  decodeMany('path', pathSets.map((_, k) => pathAt(k / (STEPS - 1))), (k, picture) => pathSets[k].show(picture));
}

function walkTo(t, {quiet = false} = {}) {
  setRange($('t'), t);
  $('t-value').textContent = t.toFixed(2);
  const example = t === 0 ? slots.A.example : null;
  setCode(pathAt(t), {pinned: true, example});
  if (!quiet) announce();
}

// There and back again, with a short rest at both ends.
function play(on) {
  cancelAnimationFrame(playing);
  playing = 0;
  $('play').setAttribute('aria-pressed', on);
  $('play').textContent = on ? 'Stop' : 'Play';
  if (!on) return;
  const begun = performance.now() - +$('t').value * 3000;
  const step = now => {
    const phase = ((now - begun) / 3000) % 2.4;
    walkTo(Math.max(0, Math.min(1, phase < 1.2 ? phase : 2.4 - phase)), {quiet: true});
    playing = requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}

// -- arithmetic ---------------------------------------------------------------------------------------------------------

let attributeSets = [];
let equationSet;
let attributeBase = null; // the code the vector is added to, while its slider moves
const AMOUNTS = [-1, -0.5, 0, 0.5, 1, 1.5, 2];

const equationCode = () => slots.A.z.map((v, d) => v - slots.B.z[d] + slots.C.z[d]);

function buildArithmetic() {
  equationSet = pictureSet('A − B + C');
  $('equation').append(equationSet);
  $('equation').addEventListener('click', () => {
    setCode(equationCode(), {pinned: true});
    announce();
  });
  attributeSets = fillStrip($('attribute-strip'), AMOUNTS.map(String).map(s => s.replace('-', '−')), k => addAttribute(AMOUNTS[k]));
  for (const id of ['from', 'towards', 'attribute-part']) $(id).addEventListener('change', forgetBase);
  $('amount').addEventListener('input', () => addAttribute(+$('amount').value));
  fillGroups();
}

// Numbers have no groups.
const groupWay = () => {
  const known = facts.colourings.findIndex(way => way.kind !== 'number');
  return colouring !== null && facts.colourings[colouring].kind !== 'number' ? colouring : known;
};

// The groups of the way to colour of this moment (else of the first) are what a vector leads between.
function fillGroups() {
  const way = facts.colourings[groupWay()];
  $('attributes').hidden = !way;
  if (!way) return;
  const present = new Set(colours[groupWay()]);
  for (const [id, first] of [['from', 0], ['towards', 1]]) {
    const known = way.labels.map((label, v) => [label, v]).filter(([, v]) => present.has(v));
    $(id).replaceChildren(...known.map(([label, v]) => make('option', {value: v, textContent: label})));
    $(id).selectedIndex = Math.min(first, known.length - 1);
  }
  forgetBase();
}

function forgetBase() {
  attributeBase = null;
  setRange($('amount'), 0);
  $('amount-value').textContent = '0.00';
  if (tab === 'arithmetic') later('arithmetic', showArithmetic);
}

function attributeCode(base, amount) {
  const way = groupWay();
  const [from, towards] = [meanOf(way, +$('from').value), meanOf(way, +$('towards').value)];
  const {start, stop} = chosenPart('attribute-part');
  return base.map((v, d) => (d < start || d >= stop ? v : v + amount * (towards[d] - from[d])));
}

let adding = false;
function addAttribute(amount) {
  attributeBase ??= current.z.slice();
  setRange($('amount'), amount);
  $('amount-value').textContent = spoken(amount);
  adding = true;
  setCode(attributeCode(attributeBase, amount), {pinned: true});
  adding = false;
  announce();
}

function showArithmetic() {
  const list = [equationCode()];
  const show = [equationSet];
  if (groupWay() >= 0) {
    const base = attributeBase ?? current.z;
    list.push(...AMOUNTS.map(amount => attributeCode(base, amount)));
    show.push(...attributeSets);
  }
  decodeMany('arithmetic', list, (k, picture) => show[k].show(picture));
}

// -- neighbours ---------------------------------------------------------------------------------------------------------

function showNeighbours() {
  const part = chosenPart('neighbour-part');
  const near = nearestCodes(current.z, 12, part);
  const which = part.name ? `the ${part.name} latents` : D > 1 ? `all ${D} latents` : 'the latent';
  $('neighbours-note').textContent = `The nearest of the ${N.toLocaleString('en')} codes, by Euclidean distance in ${which}.`;
  const shown = near.map(([squared, i]) => {
    const set = pictureSet(nameOf(i));
    const distance = Math.sqrt(squared).toFixed(2);
    const button = make('button', {'aria-label': `Go to example ${rowOf(i)}, ${nameOf(i)}, distance ${distance}`}, set);
    button.dataset.example = i;
    button.addEventListener('click', () => go(i));
    const caption = make('figcaption', {}, make('bdi', {textContent: nameOf(i)}), make('small', {textContent: distance}));
    return {i, set, node: make('figure', {}, button, caption)};
  });
  const focused = document.activeElement?.dataset?.example;
  $('neighbours').replaceChildren(...shown.map(({node}) => node));
  if (focused !== undefined) $('neighbours').querySelector(`[data-example="${focused}"]`)?.focus();
  for (const {i, set} of shown) if (hasThumbnail(i)) set.showExample(i);
  const without = shown.filter(({i}) => !hasThumbnail(i)); // the file has no pictures of examples: decode their codes
  const own = K ? without.map(({i}) => givenOf(i)) : null;
  decodeMany('neighbours', without.map(({i}) => codeOf(i)), (k, picture) => without[k].set.show(picture), own);
}
