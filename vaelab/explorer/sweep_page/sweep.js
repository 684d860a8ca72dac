// Members of a sweep, one slider: codes, pictures and the point on the rate-distortion curve move together.

const {members, samples: S} = facts;
const M = members.length;
const tall = Math.max(...views.map(view => view.h));
const wide = views.reduce((sum, view) => sum + view.w, 0);
const spoken = v => v.toFixed(2).replace('-', '−');

// -- data -----------------------------------------------------------------------------------------------------------------

let codes = []; // per member (N * D), latents aligned
let labels = null; // (N) class numbers
let sheets = []; // small pictures
async function readData() {
  codes = await Promise.all(
    members.map(async ({bytes}, k) => {
      const raw = await unpacked(`codes-${k}`);
      return bytes === 2 ? fromHalf(raw) : Float32Array.from(new Float64Array(raw.buffer));
    })
  );
  const values = new Uint16Array((await unpacked('colours')).buffer);
  labels = facts.colourings.length ? values : null;
  sheets = await Promise.all(views.map((_, v) => createImageBitmap(new Blob([blob(`atlas-${v}`)], {type: 'image/webp'}))));
}

// Aligned latents back to a member's own: aligned[d] = sign[d] * own[order[d]].
function ownCode(k, aligned) {
  const z = new Float32Array(members[k].latents);
  members[k].order.forEach((from, d) => {
    if (from >= 0) z[from] = members[k].sign[d] * aligned[d];
  });
  return z;
}

// -- decoders, each compiled when it is first needed ------------------------------------------------------------------------

let compute = null;
async function startDecoders() {
  const ask = await startNetworks(members.map((_, k) => `decoder-${k}`));
  return async (k, rows) => (await ask(`decoder-${k}`, rows, members[k].latents)).values;
}

async function decode(k, list) {
  const width = members[k].latents;
  const rows = new Float32Array(list.length * width);
  list.forEach((z, j) => rows.set(ownCode(k, z), j * width));
  const values = await compute(k, rows);
  return list.map((_, j) => values.subarray(j * pixels, (j + 1) * pixels));
}

// -- state ------------------------------------------------------------------------------------------------------------------

let at = 0; // place of the slider, between members
let chosen = 0; // image
let axisX = 0;
let axisY = Math.min(1, D - 1);
const again = new Array(M).fill(null); // the chosen image's reconstruction by each member
const drawn = new Array(M).fill(null); // samples of each member
const camera = {x: 0, y: 0, scale: 1};
let [width, height, ratio, rem] = [1, 1, 1, 16];
const frameTimes = [];

const between = () => {
  const low = Math.min(M - 1, Math.floor(at));
  return [low, Math.min(M - 1, low + 1), at - low];
};
const codeOf = (k, i) => codes[k].slice(i * D, (i + 1) * D);

function fixedNormals(n) {
  let state = 20240229;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({length: n}, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
const normals = fixedNormals(S * D);
const priorCode = (k, s) =>
  Float32Array.from({length: D}, (_, d) => {
    const own = Math.max(0, members[k].order[d]);
    return (facts.prior.mean[own] ?? 0) * members[k].sign[d] + (facts.prior.std[own] ?? 1) * normals[s * D + d];
  });

// -- drawing: once a frame at most --------------------------------------------------------------------------------------------

let stale = false;
function redraw() {
  if (stale) return;
  stale = true;
  requestAnimationFrame(() => {
    stale = false;
    const before = performance.now();
    drawMap();
    drawPictures();
    drawCurve();
    frameTimes.push(performance.now() - before);
    if (frameTimes.length > 500) frameTimes.shift();
  });
}

function measure(canvas) {
  const box = canvas.getBoundingClientRect();
  const size = [Math.max(50, box.width), Math.max(50, box.height)];
  const [w, h] = size.map(v => Math.round(v * ratio));
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const c = canvas.getContext('2d');
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, ...size);
  return [c, ...size];
}

// The camera takes in all members, so that the map stands still while the slider moves.
function fit() {
  let [x0, x1, y0, y1] = [-2.5, 2.5, -2.5, 2.5];
  for (const member of codes) {
    for (let i = 0; i < N; i++) {
      x0 = Math.min(x0, member[i * D + axisX]);
      x1 = Math.max(x1, member[i * D + axisX]);
      y0 = Math.min(y0, member[i * D + axisY]);
      y1 = Math.max(y1, member[i * D + axisY]);
    }
  }
  Object.assign(camera, {x: (x0 + x1) / 2, y: (y0 + y1) / 2, x0, x1, y0, y1});
}

const place = i => {
  const [low, high, t] = between();
  const [a, b] = [codes[low], codes[high]];
  const value = d => a[i * D + d] * (1 - t) + b[i * D + d] * t;
  return [width / 2 + (value(axisX) - camera.x) * camera.scale, height / 2 - (value(axisY) - camera.y) * camera.scale];
};

function drawMap() {
  let c;
  [c, width, height] = measure($('points'));
  camera.scale = Math.min((width - 3 * rem) / (camera.x1 - camera.x0), (height - 3 * rem) / (camera.y1 - camera.y0));
  c.strokeStyle = css('line');
  c.setLineDash([0.25 * rem, 0.3 * rem]);
  for (const sigma of [1, 2]) {
    c.beginPath();
    c.arc(width / 2 - camera.x * camera.scale, height / 2 + camera.y * camera.scale, sigma * camera.scale, 0, 2 * Math.PI);
    c.stroke();
  }
  c.setLineDash([]);
  const way = facts.colourings[0];
  const byValue = new Map();
  for (let i = 0; i < N; i++) {
    const v = labels ? labels[i] : NONE;
    if (!byValue.has(v)) byValue.set(v, []);
    byValue.get(v).push(i);
  }
  const size = 0.3 * rem;
  c.globalAlpha = 0.8;
  for (const [v, list] of byValue) {
    c.fillStyle = v === NONE ? css('unlabelled') : valueColour(way, v);
    c.beginPath();
    for (const i of list) {
      const [x, y] = place(i);
      c.moveTo(x + size / 2, y);
      c.arc(x, y, size / 2, 0, 2 * Math.PI);
    }
    c.fill();
  }
  c.globalAlpha = 1;
  const [x, y] = place(chosen);
  for (const [style, line] of [[css('paper'), 0.3 * rem], [css('accent'), 0.14 * rem]]) {
    c.strokeStyle = style;
    c.lineWidth = line;
    c.beginPath();
    c.arc(x, y, 0.5 * rem, 0, 2 * Math.PI);
    c.stroke();
  }
  c.lineWidth = 1;
  c.fillStyle = css('muted');
  c.font = `${0.8 * rem}px ${css('font')}`;
  c.textAlign = 'right';
  c.fillText(`z${axisX}`, width - 0.6 * rem, height - 0.6 * rem);
  c.textAlign = 'left';
  if (D > 1) c.fillText(`z${axisY}`, 0.6 * rem, 1.1 * rem);
}

// Pictures between two members are mixed of theirs.
function mixed(a, b, t) {
  if (!a || !b) return a ?? b;
  return t ? a.map((v, i) => v * (1 - t) + b[i] * t) : a;
}

function paintAt(image, picture, left, top, sheetWidth) {
  let x = left;
  for (const {h, w, c, start, range} of views) {
    const scale = 255 / (range[1] - range[0]);
    for (let i = 0; i < h * w; i++) {
      const to = 4 * ((top + Math.floor(i / w)) * sheetWidth + x + (i % w));
      for (let k = 0; k < 3; k++) image.data[to + k] = (picture[start + i * c + (c >= 3 ? k : 0)] - range[0]) * scale;
      image.data[to + 3] = 255;
    }
    x += w;
  }
}

function drawPictures() {
  const [low, high, t] = between();
  const picture = mixed(again[low], again[high], t);
  if (picture) {
    const canvas = $('again');
    if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, {width: wide, height: tall});
    const c = canvas.getContext('2d');
    const image = c.createImageData(wide, tall);
    paintAt(image, picture, 0, 0, wide);
    c.putImageData(image, 0, 0);
  }
  if (!drawn[low] && !drawn[high]) return;
  const columns = views.length > 1 || wide > 40 ? 4 : 8;
  const [w, h] = [columns * (wide + 1) - 1, Math.ceil(S / columns) * (tall + 1) - 1];
  const canvas = $('samples');
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const c = canvas.getContext('2d');
  const image = c.createImageData(w, h);
  for (let s = 0; s < S; s++) {
    const sample = mixed(drawn[low]?.[s], drawn[high]?.[s], t);
    paintAt(image, sample, (s % columns) * (wide + 1), Math.floor(s / columns) * (tall + 1), w);
  }
  c.putImageData(image, 0, 0);
}

// The curve: rate to the right, distortion upwards; to the lower left the elbo is better.
const known = members.every(({numbers}) => 'rate' in numbers && 'distortion' in numbers);

// An axis from pixel `from` to pixel `to`: where a value lies on it, and the values of its ticks, `apart` pixels or more
// from each other.
function axisOf(name, from, to, apart) {
  const all = members.map(m => m.numbers[name]);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = 0.1 * (most - least || Math.abs(most) || 1);
  const [low, high] = [least - room, most + room];
  const step = niceStep(((high - low) * apart) / Math.abs(to - from));
  const first = Math.ceil(low / step);
  const ticks = Array.from({length: Math.floor(high / step) - first + 1}, (_, k) => (first + k) * step);
  return {at: v => from + ((v - low) / (high - low)) * (to - from), ticks, text: v => tickText(v, step)};
}

function axesOfCurve(w, h) {
  return [axisOf('rate', 4.1 * rem, w - 0.8 * rem, 4 * rem), axisOf('distortion', h - 3.2 * rem, 0.6 * rem, 2.2 * rem)];
}

function onCurve(w, h) {
  const [x, y] = axesOfCurve(w, h);
  return members.map(({numbers}) => [x.at(numbers.rate), y.at(numbers.distortion)]);
}

function drawCurve() {
  if (!known) return;
  const [c, w, h] = measure($('curve'));
  const points = onCurve(w, h);
  const [across, up] = axesOfCurve(w, h);
  const [left, right, top, bottom] = [4.1 * rem, w - 0.8 * rem, 0.6 * rem, h - 3.2 * rem];
  c.font = `${0.75 * rem}px ${css('font')}`;
  c.textAlign = 'center';
  const line = (x0, y0, x1, y1, style) => {
    c.strokeStyle = css(style);
    c.beginPath();
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
    c.stroke();
  };
  c.fillStyle = css('muted');
  for (const v of across.ticks) {
    const x = Math.round(across.at(v)) + 0.5;
    line(x, top, x, bottom, 'grid');
    line(x, bottom, x, bottom + 0.3 * rem, 'line');
    c.fillText(across.text(v), x, bottom + 1.15 * rem);
  }
  c.textAlign = 'right';
  c.textBaseline = 'middle';
  for (const v of up.ticks) {
    const y = Math.round(up.at(v)) + 0.5;
    line(left, y, right, y, 'grid');
    line(left - 0.3 * rem, y, left, y, 'line');
    c.fillText(up.text(v), left - 0.45 * rem, y);
  }
  c.textBaseline = 'alphabetic';
  c.textAlign = 'center';
  c.strokeStyle = css('line');
  c.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
  c.strokeStyle = css('muted');
  c.lineWidth = 1.5;
  c.beginPath();
  for (const [x, y] of points) c.lineTo(x, y);
  c.stroke();
  const [low, high, t] = between();
  const [x, y] = [0, 1].map(j => points[low][j] * (1 - t) + points[high][j] * t);
  const labels = [];
  c.lineJoin = 'round';
  points.forEach(([px, py], k) => {
    c.fillStyle = css('paper');
    c.strokeStyle = css('ink');
    c.beginPath();
    c.arc(px, py, 0.26 * rem, 0, 2 * Math.PI);
    c.fill();
    c.stroke();
    const half = c.measureText(members[k].label).width / 2 + 0.2 * rem;
    const [textX, textY] = [Math.min(right - half, px + 0.25 * rem + half), Math.max(top + rem, py - 0.5 * rem)];
    const onAnother = ([ox, oy, wide]) => Math.abs(textX - ox) < half + wide && Math.abs(textY - oy) < 0.95 * rem;
    if (labels.some(onAnother)) return;
    labels.push([textX, textY, half]);
    c.save();
    c.strokeStyle = css('raised');
    c.lineWidth = 0.3 * rem;
    c.strokeText(members[k].label, textX, textY);
    c.fillStyle = css('ink');
    c.fillText(members[k].label, textX, textY);
    c.restore();
  });
  c.fillStyle = css('accent');
  c.beginPath();
  c.arc(x, y, 0.42 * rem, 0, 2 * Math.PI);
  c.fill();
  c.fillStyle = css('muted');
  c.fillText('rate (nats)', (left + right) / 2, h - 0.5 * rem);
  c.save();
  c.translate(0.95 * rem, (top + bottom) / 2);
  c.rotate(-Math.PI / 2);
  c.fillText('distortion (nats)', 0, 0);
  c.restore();
}

// -- moving -----------------------------------------------------------------------------------------------------------------

function moveTo(place) {
  at = Math.max(0, Math.min(M - 1, place));
  $('swept').value = at;
  const [low, high, t] = between();
  const near = t < 0.5 ? low : high;
  const text = t && low !== high ? `${members[low].label} to ${members[high].label}` : members[near].label;
  $('swept-value').textContent = text;
  $('swept').setAttribute('aria-valuetext', text);
  $('swept').style.setProperty('--at', at / (M - 1));
  [...$('stops').children].forEach((button, k) => button.setAttribute('aria-pressed', k === at));
  const {numbers, active, residual} = members[near];
  const rows = [
    [facts.axis, members[near].label],
    ...Object.entries(numbers).map(([name, v]) => [name, `${spoken(v)} nats`]),
    ['latents in use', String(active)],
    ['not aligned', `${(100 * residual).toFixed(0)} % of the variance`],
  ];
  $('numbers').replaceChildren(
    ...rows.flatMap(([term, value]) => [make('dt', {textContent: term}), make('dd', {textContent: value})])
  );
  redraw();
}

async function choose(i) {
  chosen = i;
  again.fill(null);
  const canvas = $('original');
  const {cols, sizes} = facts.atlas;
  const all = sizes.reduce((sum, [, w]) => sum + w, 0);
  Object.assign(canvas, {width: all, height: Math.max(...sizes.map(([h]) => h))});
  let x = 0;
  sizes.forEach(([h, w], v) => {
    canvas.getContext('2d').drawImage(sheets[v], (i % cols) * w, Math.floor(i / cols) * h, w, h, x, 0, w, h);
    x += w;
  });
  const name = labels && labels[i] !== NONE ? facts.colourings[0].labels[labels[i]] : '';
  $('image-name').textContent = `${facts.rows[i]}${name ? `, ${name}` : ''}`;
  redraw();
  if (!compute) return;
  const [low, high] = between();
  const order = [...new Set([low, high, ...members.keys()])];
  for (const k of order) {
    const [picture] = await decode(k, [codeOf(k, i)]);
    if (chosen !== i) return;
    again[k] = picture;
    redraw();
  }
  document.body.dataset.chosen = i;
}

function play(on) {
  cancelAnimationFrame(playing);
  playing = 0;
  $('play').setAttribute('aria-pressed', on);
  $('play').textContent = on ? 'Stop' : 'Play';
  if (!on) return;
  const begun = performance.now() - at * 900;
  const whole = (M - 1) * 900;
  const step = now => {
    const phase = (now - begun) % (2 * whole);
    moveTo(phase < whole ? phase / 900 : 2 * (M - 1) - phase / 900);
    playing = requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}
let playing = 0;

function listen() {
  const options = Array.from({length: D}, (_, d) => [d, `z${d}`]);
  for (const id of ['axis-x', 'axis-y']) {
    $(id).append(...options.map(([value, textContent]) => make('option', {value, textContent})));
    $(id).addEventListener('change', () => {
      [axisX, axisY] = [+$('axis-x').value, +$('axis-y').value];
      fit();
      redraw();
    });
  }
  $('axis-y').value = axisY;
  $('field-y').hidden = D < 2;
  $('swept').max = M - 1;
  $('swept').addEventListener('input', () => {
    play(false);
    moveTo(+$('swept').value);
  });
  members.forEach(({label}, k) => {
    const button = make('button', {'aria-pressed': false}, make('bdi', {textContent: label}));
    button.setAttribute('aria-label', `${facts.axis} ${label}`);
    button.addEventListener('click', () => {
      play(false);
      moveTo(k);
    });
    $('stops').append(button);
  });
  $('play').addEventListener('click', () => play(!playing));
  $('curve').addEventListener('click', event => {
    const box = $('curve').getBoundingClientRect();
    const points = onCurve(box.width, box.height);
    const far = points.map(([x, y]) => Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top));
    play(false);
    moveTo(far.indexOf(Math.min(...far)));
  });
  $('plot').addEventListener('click', event => {
    const box = $('plot').getBoundingClientRect();
    let [best, nearest] = [Infinity, chosen];
    for (let i = 0; i < N; i++) {
      const [x, y] = place(i);
      const distance = Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
      if (distance < best) [best, nearest] = [distance, i];
    }
    choose(nearest);
  });
  $('plot').addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    choose((chosen + step + N) % N);
    $('live').textContent = `Test image ${$('image-name').textContent}`;
  });
  $('theme').addEventListener('click', toggleTheme);
  themeListeners.push(redraw, buildLegend);
  $('licences').addEventListener('toggle', async () => {
    const text = await unpacked('licences');
    if (text.length) $('licence-text').textContent = new TextDecoder().decode(text);
  });
  new ResizeObserver(redraw).observe($('plot'));
}

function buildLegend() {
  const way = facts.colourings[0];
  $('legend').hidden = !way;
  if (!way) return;
  const present = new Set(labels);
  $('legend').replaceChildren(
    ...way.labels.slice(0, 60).flatMap((label, v) => {
      if (!present.has(v)) return [];
      const mark = make('canvas', {width: 16, height: 16, 'aria-hidden': 'true'});
      const c = mark.getContext('2d');
      c.fillStyle = valueColour(way, v);
      c.arc(8, 8, 7, 0, 2 * Math.PI);
      c.fill();
      return [make('span', {}, mark, make('bdi', {textContent: label}))];
    })
  );
}

function tell(kind, text) {
  $('status').dataset.kind = kind;
  $('status-text').textContent = text;
}

// Each decoder counts as there when it draws what Keras draws of the first image's code.
async function agreement() {
  let largest = 0;
  for (let k = 0; k < M; k++) {
    const wanted = new Float32Array((await unpacked(`golden-${k}`)).buffer);
    const [found] = await decode(k, [codeOf(k, 0)]);
    wanted.forEach((v, i) => {
      const {range} = views.findLast(({start}) => start <= i);
      largest = Math.max(largest, Math.abs(v - found[i]) / (range[1] - range[0]));
    });
  }
  return largest;
}

async function start() {
  rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  ratio = devicePixelRatio || 1;
  await readData();
  $('subtitle').textContent = `${M} members along ${facts.axis} · ${N.toLocaleString('en')} test images · ${D} latents`;
  $('swept-name').textContent = facts.axis;
  const worst = Math.max(...members.map(m => m.residual));
  $('alignment').textContent =
    `Latents are matched from each member to the next by the correlation of their codes, sign included; at worst ` +
    `${(100 * worst).toFixed(0)} % of a member's variance is not explained by the matched latents of the next. ` +
    `Between members codes and pictures are mixed. Weights are in half precision where images stay within 1/255.`;
  $('hint').textContent = 'Move the slider, click a point of the map or of the curve; arrow keys on the map go from image to image.';
  fit();
  listen();
  buildLegend();
  moveTo(0);
  choose(0);
  tell('busy', 'Starting the decoders…');
  compute = await startDecoders();
  const difference = await agreement();
  document.body.dataset.difference = difference;
  if (!(difference <= 1.5 / 255)) throw new Error(`Pictures differ from Keras's by ${difference.toExponential(1)}: none are shown.`);
  tell('good', `${M} decoders in this page, within ${difference.toExponential(0)} of Keras`);
  document.body.dataset.readyMs = performance.now().toFixed(0);
  document.body.dataset.ready = 'ok';
  await choose(chosen);
  for (let k = 0; k < M; k++) {
    drawn[k] = await decode(k, Array.from({length: S}, (_, s) => priorCode(k, s)));
    redraw();
  }
  document.body.dataset.samples = 'ok';
}

start().catch(error => {
  compute = null;
  again.fill(null);
  tell('bad', error.message);
  document.body.dataset.ready = 'error';
});

// For the console, and for tests.
self.vaelab = {
  facts,
  moveTo,
  choose,
  frameTimes,
  onCurve,
  ticksOfCurve: (w, h) => axesOfCurve(w, h).map(({at, ticks, text}) => ticks.map(v => [text(v), at(v)])),
  codeOf: (k, i) => [...codeOf(k, i)],
  decode: async (k, z) => [...(await decode(k, [z]))[0]],
};
