// Examples by row, by class, by elbo, or by a line drawn around them on the map; what a group has in common.

const SHOWN = 48; // small pictures of a group
let group = null; // {name, members: [index], has: Uint8Array(N)}
let lasso = null; // [[x, y], ...] on the screen while it is drawn
let lassoOn = false;

function buildFind() {
  $('search').addEventListener('input', () => later('search', search, 200));
  $('search').addEventListener('keydown', event => {
    if (event.key === 'Enter') search();
  });
  const named = facts.numbers.some(n => n.name === 'elbo') ? 'elbo' : 'distortion';
  for (const [id, worst] of [['worst', true], ['best', false]]) {
    $(id).textContent = `${worst ? 'Worst' : 'Best'} ten by ${named}`;
    $(id).addEventListener('click', () => {
      const sign = (named === 'elbo') === worst ? 1 : -1;
      const order = Array.from({length: N}, (_, i) => i).filter(i => Number.isFinite(numberOf(named, i)));
      order.sort((a, b) => sign * (numberOf(named, a) - numberOf(named, b)));
      setGroup(`${worst ? 'worst' : 'best'} ten by ${named}`, order.slice(0, 10));
    });
  }
  for (const id of ['lasso', 'lasso-map']) $(id).addEventListener('click', () => setLasso(!lassoOn));
  $('group-clear').addEventListener('click', () => setGroup('', []));
  $('group-mean').addEventListener('click', () => {
    setCode(meanCode(group.members), {pinned: true});
    announce();
  });
  $('group-csv').addEventListener('click', () => saveFile(new Blob([groupCsv()], {type: 'text/csv'}), `${fileName(group.name)}.csv`));
  showGroup();
}

// A row of the split, or part of a name of a class, factor or tag.
function search() {
  const text = $('search').value.trim();
  if (/^#?\d+$/.test(text)) {
    const row = +text.replace('#', '');
    const i = facts.rows ? facts.rows.indexOf(row) : row < N ? row : -1;
    if (i >= 0) {
      setGroup(`row ${row}`, [i]);
      go(i);
      keepInSight();
      return;
    }
  }
  if (!text) {
    setGroup('', []);
    return;
  }
  const members = [];
  for (let i = 0; i < N; i++) {
    if (facts.colourings.some((way, k) => way.kind === 'class' && matches(way.labels[colours[k][i]], text))) members.push(i);
  }
  setGroup(text, members, `No row and no class “${text}” among the ${N.toLocaleString('en')} images of this page.`);
}
const matches = (label, text) => label !== undefined && label.toLowerCase().includes(text.toLowerCase());

function setGroup(name, members, none = '') {
  const has = new Uint8Array(N);
  for (const i of members) has[i] = 1;
  group = members.length ? {name, members, has} : null;
  showGroup(none);
  forgetContours();
  redraw('points');
  addressChanged();
  tellSelection();
}

function meanCode(members) {
  const mean = new Float64Array(D);
  for (const i of members) for (let d = 0; d < D; d++) mean[d] += codes[i * D + d] / members.length;
  return Float32Array.from(mean);
}

let groupSet;
let groupMeanSet;
function showGroup(none = '') {
  $('group').hidden = !group;
  $('group-told').textContent = group ? '' : none;
  if (!group) return;
  const {name, members} = group;
  const mean = meanCode(members);
  let far = 0;
  for (const i of members) {
    let squared = 0;
    for (let d = 0; d < D; d++) squared += (codes[i * D + d] - mean[d]) ** 2;
    far += Math.sqrt(squared) / members.length;
  }
  $('group-name').textContent = name;
  const k = facts.colourings.findIndex(way => way.kind === 'class');
  const counts = new Map();
  if (k >= 0) for (const i of members) counts.set(nameOf(i), (counts.get(nameOf(i)) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]);
  const about = facts.numbers.map(({name: called, unit}, q) => {
    const average = members.reduce((sum, i) => sum + numbers[q][i], 0) / members.length;
    return `${called} ${spoken(average)}${unit ? ` ${unit}` : ''}`;
  });
  $('group-facts').replaceChildren(
    ...[
      ['images', members.length.toLocaleString('en')],
      ...(k >= 0 ? [['classes', most.slice(0, 8).map(([c, n]) => `${c} (${n})`).join(', ') + (most.length > 8 ? ', …' : '')]] : []),
      ['mean', about.join(', ')],
      ['spread', `${far.toFixed(2)} from the mean code on average`],
    ].flatMap(([term, text]) => [make('dt', {textContent: term}), make('dd', {}, make('bdi', {textContent: text}))])
  );
  groupMeanSet ??= pictureSet('mean image');
  groupSet ??= pictureSet('decoded mean code');
  if (!$('group-pictures').firstChild) {
    $('group-pictures').append(
      make('figure', {}, groupMeanSet, make('figcaption', {textContent: 'mean image'})),
      make('figure', {}, groupSet, make('figcaption', {textContent: 'mean code, decoded'}))
    );
  }
  showMeanImage(members.filter(hasThumbnail));
  decodeMany('group', [mean], (_, picture) => groupSet.show(picture));
  const shown = members.slice(0, SHOWN);
  $('group-members').replaceChildren(...shown.map(memberFigure));
  $('group-more').textContent = members.length > SHOWN ? `The first ${SHOWN} of ${members.length.toLocaleString('en')}.` : '';
}

function memberFigure(i) {
  const set = pictureSet(nameOf(i));
  if (hasThumbnail(i)) set.showExample(i);
  const button = make('button', {'aria-label': `Go to example ${rowOf(i)}, ${nameOf(i)}`}, set);
  button.addEventListener('click', () => {
    go(i);
    keepInSight();
  });
  const elbo = numberOf('elbo', i) ?? numberOf('distortion', i);
  return make('figure', {}, button, make('figcaption', {}, make('bdi', {textContent: nameOf(i)}), make('small', {textContent: spoken(elbo)})));
}

// What is selected, told to the notebook around this page: the group, else the image that is pinned or under the pin.
let selectionTold = '';
function tellSelection() {
  if (self === top) return;
  let chosen = group?.members;
  if (!chosen && !current.pinned) chosen = [];
  chosen ??= [current.example ?? pointUnder(screenX(current.at.x), screenY(current.at.y), 0.8 * rem)].filter(i => i >= 0);
  const rows = chosen.map(rowOf);
  if (rows.join() === selectionTold) return;
  selectionTold = rows.join();
  parent.postMessage({vaelab: 'selection', rows}, '*');
}

// The mean of the small pictures.
function showMeanImage(members) {
  groupMeanSet.closest('figure').hidden = !members.length;
  if (!members.length) return;
  groupMeanSet.canvases.forEach((canvas, v) => {
    const [h, w] = facts.atlas.sizes[v];
    const one = make('canvas', {width: w, height: h}).getContext('2d', {willReadFrequently: true});
    const sum = new Float32Array(h * w * 4);
    const some = members.slice(0, 2000);
    for (const i of some) {
      drawThumbnail(one, i, v, 0, 0, w, h);
      one.getImageData(0, 0, w, h).data.forEach((value, at) => (sum[at] += value));
    }
    Object.assign(canvas, {width: w, height: h});
    const c = canvas.getContext('2d');
    const image = c.createImageData(w, h);
    sum.forEach((value, at) => (image.data[at] = value / some.length));
    c.putImageData(image, 0, 0);
  });
}

// The rows of the group: row, what is known of each, its numbers, its code.
function groupCsv() {
  const ways = facts.colourings.filter(way => way.kind !== 'number');
  // a spreadsheet takes text that begins so for a formula
  const text = v => `"${String(v ?? '').replace(/^([=+\-@\t\r])/, "'$1").replaceAll('"', '""')}"`;
  const head = ['row', ...ways.map(way => text(way.name)), ...facts.numbers.map(n => text(n.name))];
  for (let d = 0; d < D; d++) head.push(`z${d}`);
  const lines = group.members.map(i => [
    rowOf(i),
    ...ways.map(way => text(way.labels[colours[facts.colourings.indexOf(way)][i]])),
    ...facts.numbers.map((_, q) => numbers[q][i]),
    ...codeOf(i),
  ]);
  return [head, ...lines].map(line => line.join(',')).join('\n') + '\n';
}

// -- a line around points -------------------------------------------------------------------------------------------------

function setLasso(on) {
  lassoOn = on;
  for (const id of ['lasso', 'lasso-map']) $(id).setAttribute('aria-pressed', on);
  plot.dataset.lasso = on;
  showHint();
}

function lassoMoved(x, y) {
  lasso.push([x, y]);
  redraw('over');
}

function lassoEnded() {
  const line = lasso;
  lasso = null;
  redraw('over');
  if (line.length < 3) return;
  const members = [];
  for (let i = 0; i < N; i++) {
    if (onMap(i) && (!only.size || only.has(colours[colouring]?.[i])) && inside(screenX(place[2 * i]), screenY(place[2 * i + 1]), line)) {
      members.push(i);
    }
  }
  setLasso(false);
  openTab('find');
  setGroup('around on the map', members, 'No point lies inside this line.');
  say(`${members.length} images selected`);
}

// Whether the line around crosses the ray from a point to the right an odd number of times.
function inside(x, y, line) {
  let odd = false;
  line.forEach(([x1, y1], k) => {
    const [x0, y0] = line.at(k - 1);
    if (y0 > y !== y1 > y && x < ((x0 - x1) * (y - y1)) / (y0 - y1) + x1) odd = !odd;
  });
  return odd;
}

function drawLasso(c) {
  if (!lasso) return;
  c.beginPath();
  for (const [x, y] of lasso) c.lineTo(x, y);
  c.closePath();
  c.fillStyle = css('accent');
  c.globalAlpha = 0.12;
  c.fill();
  c.globalAlpha = 1;
  c.strokeStyle = css('accent');
  c.lineWidth = 2;
  c.stroke();
}
