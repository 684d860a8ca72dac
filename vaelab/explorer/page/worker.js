// Runs the decoder beside the page's thread. LiteRT.js (global LiteRT) and its glue (global ModuleFactory) stand before
// this text in the same worker, so there is no script left for LiteRT to load.
const say = console.error;
const silent = () => {};
for (const level of ['log', 'info', 'warn', 'debug']) console[level] = silent; // LiteRT tells of absent GPUs here
self.importScripts = silent;
Object.defineProperty(navigator, 'gpu', {value: undefined}); // never asked for: decoders this small are faster without

const models = new Map(); // name -> {model, shape}

async function start({wasm, named}) {
  self.Module = {wasmBinary: wasm, print: silent, printErr: silent};
  console.error = silent;
  await LiteRT.loadLiteRt('glue.js');
  console.error = say;
  for (const [name, bytes] of Object.entries(named)) {
    const model = await LiteRT.loadAndCompile(bytes, {accelerator: 'wasm'});
    models.set(name, {model, shape: Array.from(model.getInputDetails()[0].shape)}); // [1, floats of a row]
  }
}

// rows (n * width) -> (n * outputs), one row at a time: the models have a batch of one. What a row lacks is zero.
async function compute({name, rows, width}) {
  const {model, shape} = models.get(name);
  let values;
  for (let start = 0, k = 0; start < rows.length; start += width, k++) {
    const row = new Float32Array(shape[1]);
    row.set(rows.subarray(start, start + width));
    const input = new LiteRT.Tensor(row, shape);
    const [output] = await model.run(input);
    const found = output.toTypedArray();
    values ??= new Float32Array((rows.length / width) * found.length);
    values.set(found, k * found.length);
    input.delete();
    output.delete();
  }
  return values;
}

self.onmessage = async ({data: message}) => {
  try {
    if (message.start) {
      await start(message.start);
      self.postMessage({id: message.id});
      return;
    }
    const before = performance.now();
    const values = await compute(message);
    self.postMessage({id: message.id, values, ms: performance.now() - before}, [values.buffer]);
  } catch (error) {
    self.postMessage({id: message.id, error: String((error && error.message) || error)});
  }
};
