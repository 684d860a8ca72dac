// The run's numbers as they lie in this page.

const K = facts.condition?.columns ?? 0; // columns of the condition
const partOf = d => facts.parts.findIndex(part => part.start <= d && d < part.stop);
const latentName = d => (facts.parts.length > 1 ? `z${d} ${facts.parts[partOf(d)].name}` : `z${d}`);

let codes; // (N * D)
let stds; // (N * D) of q(z|x)
let draws; // per draw from q(z|x): (N * D); none where q(z|x) is Gaussian
let numbers; // per number of an example: Float32Array(N)
let givens; // (N * fields) of the condition
let colours; // per way to colour: Uint16Array(N)
let maps; // per map: Float32Array(2 N), NaN where a code is not on it
let spread; // (D) standard deviation of the codes
let reach; // (D) how far a slider goes
let importance; // latents by rate, or where there is none by spread

async function readData() {
  const small = async name => {
    const raw = await unpacked(name);
    return facts.bytes[name] === 2 ? fromHalf(raw) : new Float32Array(raw.buffer);
  };
  [codes, stds] = await Promise.all([small('codes'), small('stds')]);
  const drawn = await small('draws');
  draws = Array.from({length: facts.draws}, (_, s) => drawn.subarray(s * N * D, (s + 1) * N * D));
  givens = new Float32Array((await unpacked('given')).buffer);
  const values = new Uint16Array((await unpacked('colours')).buffer);
  colours = facts.colourings.map((_, k) => values.subarray(k * N, (k + 1) * N));
  const measured = new Float32Array((await unpacked('numbers')).buffer);
  numbers = facts.numbers.map((_, k) => measured.subarray(k * N, (k + 1) * N));
  facts.numbers.forEach(({name, unit}, k) => {
    const [way, levels] = inLevels(name, unit, numbers[k]);
    facts.colourings.push(way);
    colours.push(levels);
  });
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

// A number as a way to colour: 64 levels between its 1st and 99th percentile.
const LEVELS = 64;
function inLevels(name, unit, values) {
  const sorted = Float32Array.from(values.filter(Number.isFinite)).sort();
  const [low, high] = [0.01, 0.99].map(q => sorted[Math.round(q * (sorted.length - 1))] ?? 0);
  const level = v => Math.round(Math.max(0, Math.min(1, (v - low) / (high - low || 1))) * (LEVELS - 1));
  const levels = Uint16Array.from(values, v => (Number.isFinite(v) ? level(v) : NONE));
  return [{name, unit, kind: 'number', low, high, labels: {length: LEVELS}}, levels];
}

// The condition of example i, (K).
function givenOf(i) {
  const columns = new Float32Array(K);
  let start = 0;
  facts.condition?.fields.forEach((field, f) => {
    const value = givens[i * facts.condition.fields.length + f];
    if (field.choices.length) columns[start + value] = 1;
    else columns[start] = value;
    start += Math.max(1, field.choices.length);
  });
  return columns;
}

const numberOf = (name, i) => numbers[facts.numbers.findIndex(n => n.name === name)]?.[i];
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
