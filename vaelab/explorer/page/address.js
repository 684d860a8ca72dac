// What is shown, in the address behind #, so that a link shows it again.

let addressReady = false;
const axesName = () => facts.maps[axes]?.plot ?? {latent: 'latents', space: 'three'}[axes];

function addressNow() {
  const {x, y, scale} = camera;
  const short = v => +v.toPrecision(6);
  const entries = {
    map: axesName(),
    x: axisX,
    y: axisY,
    ...(inSpace() ? {w: axisZ, turn: [turned.yaw, turned.pitch].map(short).join('~')} : {}),
    colour: colouring === null ? 'none' : facts.colourings[colouring].name,
    only: [...only].join('.'),
    layer,
    ...(densityOn ? {density: 1} : {}),
    ...(F && +$('epoch').value < F ? {epoch: facts.frames.epochs[+$('epoch').value]} : {}),
    tab,
    ...(current.example === null ? {z: Array.from(current.z, short).join('~')} : {row: rowOf(current.example)}),
    ...(K ? {c: Array.from(current.given, short).join('~')} : {}),
    ...(scale === fittedScale ? {} : {at: [x, y, scale].map(short).join('~')}),
    ...(group && /^(row|worst|best) /.test(group.name) === false && $('search').value ? {find: $('search').value} : {}),
  };
  return new URLSearchParams(Object.entries(entries).filter(([, value]) => value !== ''));
}

function addressChanged() {
  if (addressReady) later('address', writeAddress, 300);
}

function writeAddress() {
  try {
    history.replaceState(null, '', `#${addressNow()}`);
  } catch {
    // a sandboxed frame has no address of its own
  }
}

const numbersIn = (text, n) => {
  const found = (text ?? '').split('~').map(Number);
  return found.length === n && found.every(Number.isFinite) ? Float32Array.from(found) : null;
};

// Shows what the address says; what it says wrongly is left as it is.
function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const has = (id, value) => [...$(id).options].some(option => option.value === String(value));
  const map = facts.maps.findIndex(m => m.plot === wanted.get('map'));
  const axesWanted = map >= 0 ? map : wanted.get('map') === 'three' ? 'space' : 'latent';
  if (wanted.has('map') && has('axes', axesWanted)) $('axes').value = axesWanted;
  for (const [key, id] of [['x', 'axis-x'], ['y', 'axis-y'], ['w', 'axis-z']]) {
    if (wanted.has(key) && has(id, wanted.get(key))) $(id).value = wanted.get(key);
  }
  axesChanged();
  const turn = numbersIn(wanted.get('turn'), 2);
  if (inSpace() && turn) turnTo(...turn);
  setDensity(wanted.get('density') === '1');
  readEpoch(wanted.has('epoch') ? +wanted.get('epoch') : Infinity);
  const way = facts.colourings.findIndex(found => found.name === wanted.get('colour'));
  if (way >= 0 || wanted.get('colour') === 'none') setColouring(way >= 0 ? way : null);
  const values = (wanted.get('only') || '').split('.').filter(Boolean).map(Number);
  if (colouring !== null && values.every(v => Number.isInteger(v))) {
    only = new Set(values.filter(v => v >= 0 && v < facts.colourings[colouring].labels.length));
    buildLegend();
  }
  const radio = [...document.querySelectorAll('[name=layer]')].find(r => r.value === wanted.get('layer'));
  if (radio) {
    radio.checked = true;
    setLayer(radio.value);
  }
  if (tabButtons.some(button => button.id === `tab-${wanted.get('tab')}` && !button.hidden)) openTab(wanted.get('tab'));
  const z = numbersIn(wanted.get('z'), D);
  const row = wanted.has('row') ? +wanted.get('row') : NaN;
  const i = facts.rows ? facts.rows.indexOf(row) : row;
  if (z) setCode(z, {pinned: true});
  else if (Number.isInteger(i) && i >= 0 && i < N) go(i);
  const given = K ? numbersIn(wanted.get('c'), K) : null;
  if (given && given.some((v, k) => v !== current.given[k])) setGiven(given);
  const at = numbersIn(wanted.get('at'), 3);
  if (at && at[2] > 0) {
    Object.assign(camera, {x: at[0], y: at[1], scale: Math.min(1e7, Math.max(1e-5, at[2]))});
    cameraMoved();
  }
  if (wanted.get('find')) {
    $('search').value = wanted.get('find').slice(0, 200);
    search();
  }
}

function listenToAddress() {
  if (location.hash.length > 1) readAddress();
  addressReady = true;
  addEventListener('hashchange', readAddress);
}
