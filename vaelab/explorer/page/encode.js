// An image of one's own: its posterior q(z|x) on the map, its reconstruction and its terms of the ELBO.

const SAMPLES = 8; // draws behind the distortion
const NOISE_DRAWS = 32; // draws that stand for a posterior that is no Gaussian
let encoderProblem = facts.encoder ? '' : 'This page has no encoder.';
let encoded = null; // {image, mean, std, draws, distortion, rate} of the image on the pads
const encodeTimes = []; // ms from a stroke to its reconstruction
let seenSet;
let againSet;

// Standard normal numbers, always the same.
function fixedNoise(n) {
  let state = 20240229;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({length: n}, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
const eps = fixedNoise(Math.max(SAMPLES * D, NOISE_DRAWS * facts.noise));

const gaussianDraws = (mean, std) =>
  Array.from({length: SAMPLES}, (_, s) => mean.map((m, d) => m + std[d] * eps[s * D + d]));

// q(z|x) of an image (pixels): {mean, std, draws}.
async function encode(image, given) {
  const n = facts.noise ? NOISE_DRAWS : 1;
  const width = pixels + facts.noise + K;
  const rows = new Float32Array(n * width);
  for (let s = 0; s < n; s++) {
    rows.set(image, s * width);
    rows.set(eps.subarray(s * facts.noise, (s + 1) * facts.noise), s * width + pixels);
    rows.set(given, s * width + pixels + facts.noise);
  }
  const {values} = await compute('encode', rows, width);
  if (!facts.noise) {
    const [mean, std] = [values.slice(0, D), values.slice(D)];
    return {mean, std, draws: gaussianDraws(mean, std)};
  }
  const draws = Array.from({length: n}, (_, s) => values.slice(s * D, (s + 1) * D));
  const mean = Float32Array.from({length: D}, (_, d) => draws.reduce((sum, z) => sum + z[d], 0) / n);
  const std = mean.map((m, d) => Math.sqrt(draws.reduce((sum, z) => sum + (z[d] - m) ** 2, 0) / n));
  return {mean, std, draws};
}

// log p(x|z) in nats of an image at some codes, by the run's own likelihood, and the first code's picture.
async function explain(image, list, given) {
  const width = D + K + pixels;
  const rows = new Float32Array(list.length * width);
  list.forEach((z, k) => {
    rows.set(z, k * width);
    rows.set(given, k * width + D);
    rows.set(image, k * width + D + K);
  });
  const {values} = await compute('evaluate', rows, width);
  return {picture: values.subarray(0, pixels), logP: list.map((_, k) => values[k * (pixels + 1) + pixels])};
}

// KL(q(z|x) || p(z)) in nats, null where it has no closed form.
function rateOf({mean, std}) {
  if (facts.noise || facts.prior.draws) return null;
  let rate = 0;
  for (let d = 0; d < D; d++) {
    const [m, s] = [facts.prior.mean[d], facts.prior.std[d]];
    rate += Math.log(s / std[d]) + (std[d] ** 2 + (mean[d] - m) ** 2) / (2 * s ** 2) - 0.5;
  }
  return rate;
}

// Everything of an image (pixels): what the tab shows, and tests read.
async function measured(image, given = current.given) {
  const q = await encode(image, given);
  const {picture, logP} = await explain(image, [q.mean, ...q.draws], given);
  const distortion = -logP.slice(1).reduce((a, b) => a + b, 0) / q.draws.length;
  const rate = rateOf(q);
  return {image, ...q, picture, logP, distortion, rate, elbo: rate === null ? null : -distortion - rate};
}

// -- the tab --------------------------------------------------------------------------------------------------------------

function buildEncode() {
  $('tab-encode').hidden = Boolean(encoderProblem);
  if (encoderProblem) return;
  for (const pad of pads) buildPad(pad);
  seenSet = pictureSet('as the encoder sees it');
  againSet = pictureSet('reconstruction');
  $('seen').append(make('figure', {}, seenSet, make('figcaption', {textContent: 'encoded'})));
  $('seen').append(make('figure', {}, againSet, make('figcaption', {textContent: 'reconstruction'})));
  const rule = pads[0].rule;
  const told = [
    rule.box ? `scaled to a box of ${rule.box} pixels` : '',
    rule.centre ? 'centred by its mass' : '',
    BINARY ? 'made black and white' : '',
  ].filter(Boolean);
  $('pad-note').textContent =
    `Draw, drop or paste a picture, or take a test image${told.length ? `. As these data are, it is ${told.join(', ')}` : ''}.`;
  $('pad-clear').addEventListener('click', () => {
    for (const pad of pads) Object.assign(pad, {base: null, strokes: []});
    padsChanged();
    say('Cleared');
  });
  $('pad-undo').addEventListener('click', () => {
    const last = pads.findLast(pad => pad.strokes.length);
    if (last) last.strokes.pop();
    padsChanged();
  });
  $('pad-example').hidden = !facts.atlas;
  $('pad-example').addEventListener('click', () => {
    const near = current.example ?? nearestCodes(current.z, 1, {accept: hasThumbnail})[0][1];
    if (!hasThumbnail(near)) return;
    if (K) current.given = givenOf(near);
    takeExample(near);
    padsChanged();
    say(`Test image ${rowOf(near)}, ${nameOf(near)}, is on the pad`);
  });
  $('pad-file').addEventListener('change', () => {
    if ($('pad-file').files.length) take(pads[0], $('pad-file').files[0]);
    $('pad-file').value = '';
  });
  document.addEventListener('paste', event => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file && tab === 'encode') take(pads[0], file);
  });
  $('pad-colour').closest('label').hidden = !views.some(view => view.c >= 3);
}

function buildPad(pad) {
  const {view} = pad;
  const name = views.length > 1 ? `Draw here, view ${pad.v + 1}` : 'Draw here';
  pad.canvas = make('canvas', {className: 'pad', width: view.w * pad.fine, height: view.h * pad.fine, role: 'img', 'aria-label': name});
  pad.canvas.style.setProperty('--ratio', view.w / view.h);
  $('pads').append(pad.canvas);
  const place = event => {
    const box = pad.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * view.w, ((event.clientY - box.top) / box.height) * view.h];
  };
  let stroke = null;
  pad.canvas.addEventListener('pointerdown', event => {
    if (event.button > 0) return;
    pad.canvas.setPointerCapture(event.pointerId);
    stroke = {points: [place(event)], colour: view.c >= 3 ? $('pad-colour').value : null};
    pad.strokes.push(stroke);
    padsChanged();
  });
  pad.canvas.addEventListener('pointermove', event => {
    if (!stroke) return;
    for (const e of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(place(e));
    padsChanged();
  });
  for (const end of ['pointerup', 'pointercancel']) pad.canvas.addEventListener(end, () => (stroke = null));
  pad.canvas.addEventListener('dragover', event => event.preventDefault());
  pad.canvas.addEventListener('drop', event => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) take(pad, file);
    else told('What was dropped is no file.');
  });
  paintPad(pad);
}

function told(text) {
  $('pad-told').textContent = text;
}

async function take(pad, file) {
  try {
    await takeFile(pad, file);
    padsChanged();
  } catch (error) {
    told(error.message);
  }
}

function paintPad(pad) {
  const {view, canvas, base, rule} = pad;
  const c = canvas.getContext('2d');
  c.fillStyle = greyColour(rule.ground);
  c.fillRect(0, 0, canvas.width, canvas.height);
  if (base) {
    const small = make('canvas', {width: view.w, height: view.h});
    const whole = new Float32Array(pixels);
    whole.set(base.map(share => view.range[0] + share * (view.range[1] - view.range[0])), view.start);
    paint(small, whole, pad.v);
    c.imageSmoothingEnabled = false;
    c.drawImage(small, 0, 0, canvas.width, canvas.height);
  }
  if (pad.strokes.length) c.drawImage(strokesOn(pad), 0, 0);
}

// Latest wins, as for the decoder.
let padsAsked = 0;
let padsBusy = false;
async function padsChanged() {
  told('');
  for (const pad of pads) paintPad(pad);
  padsAsked ||= performance.now();
  if (encoderProblem) told(encoderProblem);
  if (padsBusy || !compute || encoderProblem) return;
  padsBusy = true;
  while (padsAsked) {
    const asked = padsAsked;
    padsAsked = 0;
    try {
      await showEncoded(asked);
    } catch (error) {
      told(error.message);
    }
  }
  padsBusy = false;
}

async function showEncoded(asked) {
  $('encoded').hidden = pads.every(isEmpty);
  if (pads.every(isEmpty)) {
    encoded = null;
    setCode(current.z, {pinned: current.pinned});
    return;
  }
  const image = new Float32Array(pixels);
  for (const pad of pads) image.set(imageOf(pad), pad.view.start);
  seenSet.show(image);
  const found = await measured(image);
  encoded = found;
  againSet.show(found.picture);
  encodeTimes.push(performance.now() - asked);
  if (encodeTimes.length > 500) encodeTimes.shift();
  setCode(found.mean, {pinned: true, posterior: found});
  showTerms();
  document.body.dataset.encoded = +(document.body.dataset.encoded ?? 0) + 1;
}

// Share of the examples shown whose number lies below a value, in words.
function percentile(name, value) {
  const all = numbers[facts.numbers.findIndex(n => n.name === name)];
  if (!all) return '';
  const below = all.reduce((count, v) => count + (v < value), 0) / all.length;
  return `above ${(100 * below).toFixed(0)} % of the ${facts.split} images`;
}

function showTerms() {
  const rows = ['elbo', 'distortion', 'rate'].filter(name => encoded[name] !== null);
  $('terms').replaceChildren(
    ...rows.flatMap(name => [
      make('dt', {textContent: name}),
      make('dd', {}, make('b', {textContent: `${spoken(encoded[name])} nats`}), ` ${percentile(name, encoded[name])}`),
    ])
  );
  const why = facts.noise ? 'this q(z|x) has no density' : 'this prior has no closed form';
  $('terms-note').textContent =
    (encoded.rate === null ? `No rate and no elbo here: ${why}. ` : '') +
    `The distortion is the mean over ${encoded.draws.length} draws from q(z|x), shown as dots on the map; of the ${N.toLocaleString('en')} ${facts.split} images one draw.`;
  const near = nearestCodes(encoded.mean, 6, {accept: facts.atlas ? hasThumbnail : null});
  $('encoded-near').replaceChildren(
    ...near.map(([squared, i]) => {
      const set = pictureSet(nameOf(i));
      if (hasThumbnail(i)) set.showExample(i);
      const button = make('button', {'aria-label': `Go to example ${rowOf(i)}, ${nameOf(i)}`}, set);
      button.addEventListener('click', () => go(i));
      const caption = make('figcaption', {}, make('bdi', {textContent: nameOf(i)}), make('small', {textContent: Math.sqrt(squared).toFixed(2)}));
      return make('figure', {}, button, caption);
    })
  );
}
