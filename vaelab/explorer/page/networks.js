// LiteRT in a worker: the page's networks behind one function.

// -> ask(name, rows, width) -> Promise<{values, ms}>, where rows are n * width floats.
async function startNetworks(names) {
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
  const [wasm, ...bytes] = await Promise.all(['wasm', ...names].map(unpacked));
  const named = Object.fromEntries(names.map((name, k) => [name, bytes[k]]));
  await ask({start: {wasm, named}}, [wasm.buffer, ...bytes.map(b => b.buffer)]);
  return (name, rows, width) => ask({name, rows, width});
}
