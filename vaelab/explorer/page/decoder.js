// The run's networks behind one function, here or on a server: compute(name, rows, width) -> Promise<{values, ms}>, where
// rows are n * width floats. The page does not care which.

async function computerInPage() {
  const ask = await startNetworks(facts.encoder ? ['decoder', 'encoder'] : ['decoder']);
  const model = {decode: 'decoder', evaluate: 'decoder', encode: 'encoder'};
  return (name, rows, width) => ask(model[name], rows, width);
}

function computerOnServer() {
  return async (name, rows) => {
    const before = performance.now();
    const headers = {'content-type': 'application/octet-stream'};
    const answer = await fetch(name, {method: 'POST', body: rows, headers}).catch(() => {
      throw new Error('The server does not answer. Start "vaelab explore" again and reload this page.');
    });
    if (!answer.ok) throw new Error(await answer.text());
    return {values: new Float32Array(await answer.arrayBuffer()), ms: performance.now() - before};
  };
}

let compute = null; // set once the networks are there and agree with Keras

// Codes (n * D) with the condition of each, or of this moment for all -> {pictures (n * pixels), ms}.
async function decode(z, givens = null) {
  const n = z.length / D;
  const width = D + K;
  const rows = new Float32Array(n * width);
  for (let k = 0; k < n; k++) {
    rows.set(z.subarray(k * D, (k + 1) * D), k * width);
    if (K) rows.set(givens?.[k] ?? current.given, k * width + D);
  }
  const {values, ms} = await compute('decode', rows, width);
  if (values.length === n * pixels) return {pictures: values, ms};
  const pictures = new Float32Array(n * pixels); // behind each picture stands log p of no image
  const step = values.length / n;
  for (let k = 0; k < n; k++) pictures.set(values.subarray(k * step, k * step + pixels), k * pixels);
  return {pictures, ms};
}

const times = []; // ms of the last pictures shown
const CHUNK = 8; // codes of background work between two looks at the pointer

// Latest wins: while a picture is under way, only the newest request is kept.
let wanted = null;
let decoding = false;
async function decodeLive(z, show) {
  wanted = z;
  if (decoding || !compute) return;
  decoding = true;
  while (wanted) {
    const now = wanted;
    wanted = null;
    try {
      const {pictures, ms} = await decode(now);
      times.push(ms);
      if (times.length > 25) times.shift();
      show(pictures);
    } catch (error) {
      failed(error);
      break;
    }
  }
  decoding = false;
}

// Background work in chunks, each code with its condition where `givens` are given; a newer job of the same name ends the older one.
const jobs = new Map();
async function decodeMany(job, list, show, givens = null) {
  const token = {};
  jobs.set(job, token);
  for (let start = 0; start < list.length && compute; start += CHUNK) {
    const part = list.slice(start, start + CHUNK);
    const batch = new Float32Array(part.length * D);
    part.forEach((z, k) => batch.set(z, k * D));
    let pictures;
    try {
      ({pictures} = await decode(batch, givens?.slice(start, start + CHUNK)));
    } catch (error) {
      failed(error);
      return;
    }
    if (jobs.get(job) !== token) return;
    part.forEach((_, k) => show(start + k, pictures.subarray(k * pixels, (k + 1) * pixels)));
  }
}
const stopJob = job => jobs.delete(job);
