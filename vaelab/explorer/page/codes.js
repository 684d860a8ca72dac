// The code of this moment, ways to reach another, and arithmetic with codes.

const current = {
  z: new Float32Array(D),
  given: new Float32Array(K), // the condition
  at: {x: 0, y: 0}, // on the map
  pinned: false,
  mixed: [], // on a map without inverse: [weight, index] of the codes it is a mean of
  example: null, // number of the example whose code this is
  posterior: null, // {mean, std, draws} of the image whose code this is
};
const slots = {A: null, B: null, C: null}; // {z, example}; all are decoded with the condition of this moment

// Another code; `at` where the map already knows its place.
function setCode(z, {at = null, pinned = current.pinned, mixed = [], example = null, posterior = null} = {}) {
  Object.assign(current, {z: Float32Array.from(z), pinned, mixed, example, posterior});
  current.at = at ?? placeOf(current.z);
  codeChanged();
}

// Where a code is on this map: exactly where the map is linear, else at the place of the nearest code on it.
function placeOf(z, {scattered = null} = {}) {
  const terms = linearMap();
  if (terms) {
    const at = {x: 0, y: D > 1 || scattered === null ? 0 : scatter(scattered)};
    for (const {d, from, to} of terms) {
      at.x += (z[d] - from) * to[0];
      at.y += (z[d] - from) * to[1];
    }
    return at;
  }
  const i = nearestOnMap(z);
  return {x: maps[axes][2 * i], y: maps[axes][2 * i + 1]};
}

// The code on this map that is nearest to z; codes on it are packed together, and one that is too far is soon left.
const packedCodes = new Map(); // map -> {members, values}
function nearestOnMap(z) {
  if (!packedCodes.has(axes)) {
    const members = Array.from({length: N}, (_, i) => i).filter(i => !Number.isNaN(maps[axes][2 * i]));
    const values = new Float32Array(members.length * D);
    members.forEach((i, k) => values.set(codes.subarray(i * D, (i + 1) * D), k * D));
    packedCodes.set(axes, {members, values});
  }
  const {members, values} = packedCodes.get(axes);
  let [best, found] = [Infinity, 0];
  for (let k = 0, at = 0; k < members.length; k++, at += D) {
    let distance = 0;
    for (let d = 0; d < D && distance < best; d++) {
      const v = values[at + d] - z[d];
      distance += v * v;
    }
    if (distance < best) [best, found] = [distance, k];
  }
  return members[found];
}

// The code at a place of the map. A t-SNE, UMAP or PCA map has no inverse: there it is the inverse-distance mean of the
// codes of the six nearest points. Of three latents it is that of the point there.
function moveTo(x, y, {pin: pinned = current.pinned} = {}) {
  if (inSpace()) {
    const i = pointUnder(screenX(x), screenY(y));
    if (i >= 0) goTo(i, pinned);
    return;
  }
  if (onLatents()) {
    const z = current.z.slice();
    z[axisX] = x;
    if (D > 1) z[axisY] = y;
    setCode(z, {at: {x, y: D > 1 ? y : 0}, pinned});
    return;
  }
  const near = nearestPlaces(x, y, 6);
  if (!near.length) return;
  const weights = weightsOf(near);
  setCode(mixOf(near), {at: {x, y}, pinned, mixed: near.map(([, i], k) => [weights[k], i])});
}

function weightsOf(near) {
  const inverse = near.map(([squared]) => 1 / (Math.sqrt(squared) + 1e-9));
  const sum = inverse.reduce((a, b) => a + b, 0);
  return inverse.map(w => w / sum);
}
function mixOf(near) {
  const weights = weightsOf(near);
  const z = new Float32Array(D);
  near.forEach(([, i], k) => {
    for (let d = 0; d < D; d++) z[d] += weights[k] * codes[i * D + d];
  });
  return z;
}

function go(i) {
  goTo(i, true);
  announce();
}
function goTo(i, pinned) {
  if (K) {
    current.given = givenOf(i);
    showSlots();
  }
  const known = typeof axes === 'number' && !Number.isNaN(maps[axes][2 * i]);
  const at = known ? {x: maps[axes][2 * i], y: maps[axes][2 * i + 1]} : null;
  setCode(codeOf(i), {at, pinned, example: i, posterior: posteriorOf(i)});
}
// q(z|x) of example i: its mean, its standard deviations and, where it is no Gaussian, draws.
function posteriorOf(i) {
  const at = [i * D, (i + 1) * D];
  const [mean, std] = [codeOf(i), stds.slice(...at)];
  const drawn = facts.noise ? draws.map(z => z.slice(...at)) : gaussianDraws(mean, std);
  return {mean, std, draws: drawn};
}
function goToNearest() {
  const near = typeof axes === 'number' ? nearestPlaces(current.at.x, current.at.y, 1) : [];
  go((near.length ? near : nearestCodes(current.z, 1))[0][1]);
  keepInSight();
}
function pin(on) {
  current.pinned = on;
  codeChanged({same: true});
  announce();
}

function gauss() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

// A draw from the prior, (D).
function fromPrior() {
  const {mean, std, draws} = facts.prior;
  if (draws) return Float32Array.from(draws[Math.floor(Math.random() * draws.length)]);
  return Float32Array.from({length: D}, (_, d) => mean[d] + std[d] * gauss());
}

// -- between codes ----------------------------------------------------------------------------------------------------

// Share t of the way from a to b over latents start..stop, others as in a. Spherical: constant angular speed.
function between(a, b, t, spherical, {start, stop} = {start: 0, stop: D}) {
  const z = Float32Array.from(a);
  let [left, right] = [1 - t, t];
  if (spherical) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let d = start; d < stop; d++) {
      ab += a[d] * b[d];
      aa += a[d] * a[d];
      bb += b[d] * b[d];
    }
    const angle = Math.acos(Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb || 1))));
    if (Math.sin(angle) > 1e-4) {
      left = Math.sin((1 - t) * angle) / Math.sin(angle);
      right = Math.sin(t * angle) / Math.sin(angle);
    }
  }
  for (let d = start; d < stop; d++) z[d] = left * a[d] + right * b[d];
  return z;
}

// Mean code of the examples of one value of a way to colour; null where there are none.
const means = new Map();
function meanOf(way, value) {
  const key = `${way},${value}`;
  if (!means.has(key)) {
    const mean = new Float64Array(D);
    let n = 0;
    for (let i = 0; i < N; i++) {
      if (colours[way][i] !== value) continue;
      n++;
      for (let d = 0; d < D; d++) mean[d] += codes[i * D + d];
    }
    means.set(key, n ? mean.map(v => v / n) : null);
  }
  return means.get(key);
}
