// The run's numbers as they lie in this page.

const $ = id => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const facts = JSON.parse($('facts').textContent);
const N = facts.n; // codes
const D = facts.latents;
const NONE = 65535; // colour of what is not labelled

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

// The bytes of an element, which is then let go; null where there is none.
function blob(name) {
  const node = $(`b-${name}`);
  if (!node) return null;
  node.remove();
  return fromBase64(node.textContent.trim());
}

async function unpacked(name) {
  const bytes = blob(name);
  if (!bytes) return new Uint8Array(0);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromHalf(bytes) {
  const half = new Uint16Array(bytes.buffer);
  const out = new Float32Array(half.length);
  for (let i = 0; i < half.length; i++) {
    const sign = half[i] >> 15 ? -1 : 1;
    const exponent = (half[i] >> 10) & 31;
    const fraction = half[i] & 1023;
    out[i] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return out;
}

// Views: where each lies in a decoded vector.
let pixels = 0;
const views = facts.views.map(view => {
  const start = pixels;
  pixels += view.h * view.w * view.c;
  return {...view, start};
});
const partOf = d => facts.parts.findIndex(part => part.start <= d && d < part.stop);
const latentName = d => (facts.parts.length > 1 ? `z${d} ${facts.parts[partOf(d)].name}` : `z${d}`);

let codes; // (N * D)
let colours; // per way to colour: Uint16Array(N)
let maps; // per map: Float32Array(2 N), NaN where a code is not on it
let spread; // (D) standard deviation of the codes
let reach; // (D) how far a slider goes
let importance; // latents by rate, or where there is none by spread

async function readData() {
  const raw = await unpacked('codes');
  codes = facts.codeBytes === 2 ? fromHalf(raw) : new Float32Array(raw.buffer);
  const values = new Uint16Array((await unpacked('colours')).buffer);
  colours = facts.colourings.map((_, k) => values.subarray(k * N, (k + 1) * N));
  const places = new Float32Array((await unpacked('maps')).buffer);
  maps = facts.maps.map((_, m) => places.subarray(2 * m * N, 2 * (m + 1) * N));
  spread = new Float32Array(D);
  reach = new Float32Array(D);
  for (let d = 0; d < D; d++) {
    let sum = 0;
    let squares = 0;
    let largest = 0;
    for (let i = 0; i < N; i++) {
      const v = codes[i * D + d];
      sum += v;
      squares += v * v;
      largest = Math.max(largest, Math.abs(v));
    }
    spread[d] = Math.sqrt(Math.max(0, squares / N - (sum / N) ** 2));
    reach[d] = Math.max(3, Math.ceil(largest * 1.05 * 10) / 10);
  }
  const weight = facts.rate ?? spread;
  importance = Array.from({length: D}, (_, d) => d).sort((a, b) => weight[b] - weight[a] || a - b);
}

const codeOf = i => codes.slice(i * D, (i + 1) * D);
const rowOf = i => (facts.rows ? facts.rows[i] : i);

// What an example is called: its class, or the value of the first way to colour; else its row.
function nameOf(i) {
  const k = facts.colourings.findIndex(way => way.kind === 'class');
  if (k < 0 || colours[k][i] === NONE) return `#${rowOf(i)}`;
  return facts.colourings[k].labels[colours[k][i]] ?? `#${rowOf(i)}`;
}

// The k accepted codes nearest to z (Euclidean) as [squared distance, index], over latents start..stop.
function nearestCodes(z, k, {start = 0, stop = D, accept = null} = {}) {
  const best = [];
  for (let i = 0; i < N; i++) {
    if (accept && !accept(i)) continue;
    let distance = 0;
    for (let d = start; d < stop; d++) {
      const v = codes[i * D + d] - z[d];
      distance += v * v;
    }
    keepNearest(best, k, distance, i);
  }
  return best;
}

function keepNearest(best, k, distance, i) {
  if (best.length === k && !(distance < best[k - 1][0])) return;
  let at = best.length;
  while (at > 0 && best[at - 1][0] > distance) at--;
  best.splice(at, 0, [distance, i]);
  if (best.length > k) best.pop();
}
