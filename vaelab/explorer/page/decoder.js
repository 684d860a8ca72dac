// Two decoders behind one function: decode(codes) -> Promise<{pictures, ms}>. The page does not care which.

async function decoderInPage() {
  const text = async name => new TextDecoder().decode(await unpacked(name));
  const source = (await Promise.all(['litert', 'glue', 'worker'].map(text))).join(';\n');
  const worker = new Worker(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({data: message}) => {
    const [resolve, reject] = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(message.error));
    else resolve(message);
  };
  worker.onerror = event => {
    for (const [, reject] of waiting.values()) reject(new Error(event.message || 'the worker did not start'));
    waiting.clear();
  };
  const ask = (message, transfer) =>
    new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, [resolve, reject]);
      worker.postMessage({id, ...message}, transfer);
    });
  const [wasm, decoder] = await Promise.all([unpacked('wasm'), unpacked('model')]);
  await ask({start: {wasm, decoder}}, [wasm.buffer, decoder.buffer]);
  return z => ask({codes: z});
}

function decoderOnServer(url) {
  return async z => {
    const before = performance.now();
    const headers = {'content-type': 'application/octet-stream'};
    const answer = await fetch(url, {method: 'POST', body: z, headers}).catch(() => {
      throw new Error('The server does not answer. Start "vaelab explore" again and reload this page.');
    });
    if (!answer.ok) throw new Error(await answer.text());
    return {pictures: new Float32Array(await answer.arrayBuffer()), ms: performance.now() - before};
  };
}

let decode = null; // set once the decoder is there and agrees with Keras
const times = []; // ms of the last pictures shown
const CHUNK = 8; // codes of background work between two looks at the pointer

// Latest wins: while a picture is under way, only the newest request is kept.
let wanted = null;
let decoding = false;
async function decodeLive(z, show) {
  wanted = z;
  if (decoding || !decode) return;
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

// Background work in chunks; a newer job of the same name ends the older one.
const jobs = new Map();
async function decodeMany(job, list, show) {
  const token = {};
  jobs.set(job, token);
  for (let start = 0; start < list.length && decode; start += CHUNK) {
    const part = list.slice(start, start + CHUNK);
    const batch = new Float32Array(part.length * D);
    part.forEach((z, k) => batch.set(z, k * D));
    let pictures;
    try {
      ({pictures} = await decode(batch));
    } catch (error) {
      failed(error);
      return;
    }
    if (jobs.get(job) !== token) return;
    part.forEach((_, k) => show(start + k, pictures.subarray(k * pixels, (k + 1) * pixels)));
  }
}
const stopJob = job => jobs.delete(job);
