// Runs the decoder beside the page's thread. LiteRT.js (global LiteRT) and its glue (global ModuleFactory) stand before
// this text in the same worker, so there is no script left for LiteRT to load.
const say = console.error;
const silent = () => {};
for (const level of ['log', 'info', 'warn', 'debug']) console[level] = silent; // LiteRT tells of absent GPUs here
self.importScripts = silent;
Object.defineProperty(navigator, 'gpu', {value: undefined}); // never asked for: decoders this small are faster without

let model;
let shape;

async function start({wasm, decoder}) {
  self.Module = {wasmBinary: wasm, print: silent, printErr: silent};
  console.error = silent;
  await LiteRT.loadLiteRt('glue.js');
  console.error = say;
  model = await LiteRT.loadAndCompile(decoder, {accelerator: 'wasm'});
  shape = Array.from(model.getInputDetails()[0].shape); // [1, D]
}

// codes (n * D) -> pictures (n * pixels), one code at a time: the model has a batch of one
async function decode(codes) {
  const latents = shape[1];
  let pictures;
  for (let start = 0, k = 0; start < codes.length; start += latents, k++) {
    const input = new LiteRT.Tensor(codes.slice(start, start + latents), shape);
    const [output] = await model.run(input);
    const picture = output.toTypedArray();
    pictures ??= new Float32Array((codes.length / latents) * picture.length);
    pictures.set(picture, k * picture.length);
    input.delete();
    output.delete();
  }
  return pictures;
}

self.onmessage = async ({data: message}) => {
  try {
    if (message.start) {
      await start(message.start);
      self.postMessage({id: message.id});
      return;
    }
    const before = performance.now();
    const pictures = await decode(message.codes);
    self.postMessage({id: message.id, pictures, ms: performance.now() - before}, [pictures.buffer]);
  } catch (error) {
    self.postMessage({id: message.id, error: String((error && error.message) || error)});
  }
};
