// The epochs that training kept: the map's points move through them, beside what the decoder made of the same images and
// the same draws from the prior.

const F = facts.frames?.epochs.length ?? 0;
let epochAt = F; // place of the slider among the kept epochs; F: the finished run
let frameCodes; // (F * images * D)
let framePlaces; // (images) places among the page's codes
let frameSheets = []; // one image per view
const frameCache = new Map(); // map and epoch -> places
let tween = 0;
let trainingPlaying = 0;

let epochWanted = null; // by the address, before the codes were read

async function readFrames() {
  const raw = await unpacked('frame-codes');
  frameCodes = facts.frames.codeBytes === 2 ? fromHalf(raw) : new Float32Array(raw.buffer);
  framePlaces = new Uint32Array((await unpacked('frame-places')).buffer);
  for (const id of ['epoch', 'play-training']) $(id).disabled = false;
  if (epochWanted !== null) readEpoch(epochWanted);
  document.body.dataset.epochs = 'ok';
}
async function readFrameSheets() {
  frameSheets = await Promise.all(
    views.map((_, v) => createImageBitmap(new Blob([blob(`frame-atlas-${v}`)], {type: 'image/webp'})))
  );
}

const earlier = () => epochAt < F;
const epochName = k => (k >= F ? 'finished' : `epoch ${facts.frames.epochs[k]}`);

// Places of the kept images at the k-th kept epoch, where these axes put them; of the finished run where they are now.
function placesAt(k) {
  const key = [axes, axisX, axisY, axisZ, ...(inSpace() ? [turned.yaw, turned.pitch] : []), k].join();
  if (frameCache.has(key)) return frameCache.get(key);
  const m = facts.frames.images;
  const found = new Float32Array(2 * m);
  for (let j = 0; j < m; j++) {
    const z = k < F ? frameCodes.subarray((k * m + j) * D, (k * m + j + 1) * D) : codeOf(framePlaces[j]);
    const {x, y} = placeOf(z, {scattered: framePlaces[j]});
    found[2 * j] = x;
    found[2 * j + 1] = y;
  }
  if (inSpace()) return found; // another one for every turn
  frameCache.set(key, found);
  return found;
}

// What `placeCodes` does while an earlier epoch is shown: between two of them points are on their way.
function placeEpoch() {
  const low = Math.min(F, Math.floor(epochAt));
  const t = epochAt - low;
  const [a, b] = [placesAt(low), placesAt(Math.min(F, low + 1))];
  place.fill(NaN);
  framePlaces.forEach((i, j) => {
    for (const k of [0, 1]) place[2 * i + k] = a[2 * j + k] * (1 - t) + b[2 * j + k] * t;
  });
}

function showEpoch(at) {
  epochAt = at;
  placeCodes();
  redraw('points', 'over');
}

// Slides to a kept epoch; at once where motion is not wanted.
function goToEpoch(k) {
  cancelAnimationFrame(tween);
  const [from, begun] = [epochAt, performance.now()];
  setEpochControl(k);
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    showEpoch(k);
    return;
  }
  const step = now => {
    const t = Math.min(1, (now - begun) / 250);
    showEpoch(t === 1 ? k : from + (k - from) * t);
    if (t < 1) tween = requestAnimationFrame(step);
  };
  tween = requestAnimationFrame(step);
}

function setEpochControl(k) {
  $('epoch').value = k;
  setRange($('epoch'), k);
  $('epoch-value').textContent = epochName(k);
  $('epoch').setAttribute('aria-valuetext', k >= F ? 'the finished run' : epochName(k));
  showKept(Math.min(F - 1, Math.round(k)));
  showHint(k < F);
  addressChanged();
}

function playTraining(on) {
  cancelAnimationFrame(trainingPlaying);
  trainingPlaying = 0;
  $('play-training').setAttribute('aria-pressed', on);
  $('play-training').textContent = on ? 'Stop' : 'Play';
  if (!on) return;
  cancelAnimationFrame(tween);
  const begin = epochAt >= F ? 0 : epochAt;
  const begun = performance.now();
  const pace = Math.max(120, Math.min(600, 8000 / F)); // ms an epoch
  let shown = -1;
  const step = now => {
    const at = Math.min(F, begin + (now - begun) / pace);
    showEpoch(at);
    const near = Math.floor(at);
    if (near !== shown) setEpochControl(near);
    shown = near;
    if (at < F) trainingPlaying = requestAnimationFrame(step);
    else playTraining(false);
  };
  trainingPlaying = requestAnimationFrame(step);
}

let keptSets = []; // {original, again} pairs, then samples
function buildTraining() {
  $('training').hidden = !F;
  $('tab-training').hidden = !F;
  if (!F) return;
  $('epoch').max = F;
  for (const id of ['epoch', 'play-training']) $(id).disabled = true;
  $('epoch').addEventListener('input', () => {
    playTraining(false);
    goToEpoch(+$('epoch').value);
  });
  $('play-training').addEventListener('click', () => playTraining(!trainingPlaying));
  const {images, bytes} = facts.frames;
  $('training-note').textContent =
    `Training kept the codes of ${images.toLocaleString('en')} ${facts.split} images and these pictures, no weights: what is decoded ` +
    `anywhere else on this page is the finished run's. On a map without inverse an earlier code lies where its nearest ` +
    `image of the finished run is. ${(bytes / 1e6).toFixed(1)} MB of this file.`;
  setEpochControl(F);
}

// The pictures of the tab, when it is first open.
async function buildKept() {
  if (keptSets.length) return;
  const {reconstructed, samples} = facts.frames;
  reconstructed.forEach((i, k) => {
    const set = pictureSet('reconstruction');
    const original = i !== null && facts.atlas && i < facts.atlas.n ? pictureSet(nameOf(i)) : null;
    keptSets.push({set, tile: k, original, i});
    $('kept-images').append(make('figure', {}, ...(original ? [original] : []), set));
  });
  for (let k = 0; k < samples; k++) {
    const set = pictureSet('sample');
    keptSets.push({set, tile: reconstructed.length + k});
    $('kept-samples').append(make('figure', {}, set));
  }
  await readFrameSheets();
  showTab();
}

function showKept(k) {
  $('kept-epoch').textContent = epochName(k);
  if (tab !== 'training') return;
  buildKept();
  if (!frameSheets.length) return;
  for (const {set, tile, original, i} of keptSets) {
    if (original && hasThumbnail(i)) original.showExample(i);
    set.canvases.forEach((canvas, v) => {
      const [h, w] = facts.frames.sizes[v];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
      canvas.getContext('2d').drawImage(frameSheets[v], tile * w, k * h, w, h, 0, 0, w, h);
    });
  }
}

// An epoch's number: the nearest one that was kept; of none the finished run.
function readEpoch(epoch) {
  if (!F || Number.isNaN(epoch)) return;
  epochWanted = epoch;
  if (!framePlaces) return;
  playTraining(false);
  cancelAnimationFrame(tween);
  const far = facts.frames.epochs.map(kept => Math.abs(kept - epoch));
  setEpochControl(epoch === Infinity ? F : far.indexOf(Math.min(...far)));
  showEpoch(+$('epoch').value);
}
