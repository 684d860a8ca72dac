// Puts the page together.

const decodedSet = pictureSet('decoded picture');
const nearestSet = pictureSet('nearest example');
const floatSet = pictureSet('decoded picture');

// -- telling ------------------------------------------------------------------------------------------------------------

let announcing = 0;
function say(text) {
  clearTimeout(announcing); // where one was is older news
  $('live').textContent = text;
}

function announce() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const {at, pinned, z} = current;
    let where = `${facts.maps[axes]?.name} ${spoken(at.x)}, ${spoken(at.y)}`;
    if (typeof axes !== 'number') where = shownLatents().map(d => `${latentName(d)} ${spoken(z[d])}`).join(', ');
    say(`${pinned ? 'Pinned at' : 'At'} ${where}. Nearest example: ${nameOf(nearestCodes(z, 1)[0][1])}.`);
  }, 300);
}

const shownLatents = () => (inSpace() ? [axisX, axisY, axisZ] : D > 1 ? [axisX, axisY] : [axisX]);

function setStatus(kind, text) {
  $('status').dataset.kind = kind;
  $('status-text').textContent = text;
}

function failed(error) {
  compute = null;
  setStatus('bad', error.message);
  document.body.dataset.ready = 'error';
}

// -- the code of this moment --------------------------------------------------------------------------------------------

function codeChanged({same = false} = {}) {
  redraw('over');
  $('unpin').textContent = current.pinned ? 'Unpin' : 'Pin';
  $('unpin').setAttribute('aria-pressed', current.pinned);
  plot.dataset.pinned = current.pinned;
  addressChanged();
  tellSelection();
  if (same) return;
  if (!adding) attributeBase = null;
  decodeLive(current.z, picture => {
    decodedSet.show(picture);
    if (!$('float').hidden) floatSet.show(picture);
    const usual = [...times].sort((a, b) => a - b)[times.length >> 1];
    $('timing').textContent = `decoded in ${usual < 10 ? usual.toFixed(1) : Math.round(usual)} ms`;
    document.body.dataset.frames = +(document.body.dataset.frames ?? 0) + 1;
  });
  showWhere();
  showTab();
  if (K) later('condition', showCondition);
  later('commands', showCommands);
  if (layer === 'decoder' && onLatents() && tileBase && baseOfTiles(cellSize(Math.max(2.9 * rem, 34)).w) !== tileBase) {
    askForTiles();
  }
}

let shownNearest = -1;
function showWhere() {
  const [[squared, i]] = nearestCodes(current.z, 1);
  const far = Math.sqrt(squared);
  if (i !== shownNearest) {
    shownNearest = i;
    if (hasThumbnail(i)) nearestSet.showExample(i);
    nearestSet.name(`nearest example: ${nameOf(i)}`);
    $('nearest').querySelector('bdi').textContent = nameOf(i);
    $('nearest').title = `${facts.split} image ${rowOf(i)}`;
  }
  $('nearest').querySelector('small').textContent = far < 5e-3 ? 'this example' : `${far.toFixed(2)} away`;
  const own = current.example;
  $('numbers').textContent = own === null ? '' : facts.numbers.map(({name}) => `${name} ${spoken(numberOf(name, own))}`).join('\n');
  $('numbers').hidden = own === null;
  const name = typeof axes === 'number' ? '' : shownLatents().map(d => `z${d} ${spoken(current.z[d])}`).join('  ');
  $('where').textContent = name;
  $('where').hidden = !name;
}

// -- controls -----------------------------------------------------------------------------------------------------------

function buildControls() {
  const options = (id, list) => $(id).append(...list.map(([value, text]) => make('option', {value, textContent: text})));
  const latentAxes = [['latent', D > 1 ? 'two latents' : 'the latent'], ...(D > 2 ? [['space', 'three latents']] : [])];
  options('axes', [...facts.maps.map((map, m) => [m, map.name]), ...latentAxes]);
  const latents = importance.map(d => [d, facts.rate ? `${latentName(d)} · ${facts.rate[d].toFixed(2)} nats` : latentName(d)]);
  options('axis-x', latents);
  options('axis-y', latents);
  options('axis-z', latents);
  [axisX, axisY, axisZ] = [0, 1, 2].map(k => importance[Math.min(k, D - 1)]);
  if (D === 2) [axisX, axisY] = [0, 1];
  $('axis-x').value = axisX;
  $('axis-y').value = axisY;
  $('axis-z').value = axisZ;
  $('field-y').hidden = D < 2;
  axes = facts.maps.length ? 0 : 'latent';
  $('axes').value = axes;
  for (const id of ['axes', 'axis-x', 'axis-y', 'axis-z']) $(id).addEventListener('change', axesChanged);
  $('density').addEventListener('click', () => setDensity(!densityOn));

  options('colour', [...facts.colourings.map((way, k) => [k, way.name]), ['', 'none']]);
  colouring = facts.colourings.length ? 0 : null;
  $('field-colour').hidden = !facts.colourings.length;
  $('colour').addEventListener('change', () => {
    setColouring($('colour').value === '' ? null : +$('colour').value);
  });

  for (const [name, text] of Object.entries(layers)) {
    if (name === 'images' && !facts.atlas) continue;
    const radio = make('input', {type: 'radio', name: 'layer', value: name, checked: name === layer});
    radio.addEventListener('change', () => setLayer(name));
    $('layers').append(make('label', {}, radio, make('span', {textContent: text})));
  }
  $('unpin').addEventListener('click', () => pin(!current.pinned));
  $('zero').addEventListener('click', () => {
    setCode(new Float32Array(D), {pinned: true});
    announce();
  });
  $('sample').addEventListener('click', () => {
    setCode(fromPrior(), {pinned: true});
    announce();
  });
  $('theme').addEventListener('click', toggleTheme);
  themeListeners.push(() => {
    buildLegend();
    redraw('under', 'points', 'over');
  });
  for (const [button, dialog] of [['help', 'about'], ['about-close', 'about'], ['picture-close', 'picture-dialog']]) {
    $(button).addEventListener('click', () => ($(dialog).open ? $(dialog).close() : $(dialog).showModal()));
  }
}

function setColouring(way) {
  colouring = way;
  $('colour').value = way ?? '';
  only.clear();
  buildLegend();
  fillGroups();
  forgetContours();
  redraw('points');
  addressChanged();
}

function axesChanged() {
  axes = $('axes').value in facts.maps ? +$('axes').value : $('axes').value;
  [axisX, axisY, axisZ] = ['axis-x', 'axis-y', 'axis-z'].map(id => +$(id).value);
  $('latent-axes').hidden = typeof axes === 'number';
  $('field-z').hidden = !inSpace();
  $('density').hidden = inSpace();
  plot.setAttribute('aria-label', `Latent map: arrow keys ${inSpace() ? 'turn it' : 'move'}, Enter pins`);
  const radios = [...document.querySelectorAll('[name=layer]')];
  radios.find(radio => radio.value === 'decoder').closest('label').hidden = inSpace();
  if (inSpace() && layer === 'decoder') {
    radios[0].checked = true;
    setLayer('points');
  }
  if (inSpace()) centreSpace();
  placeCodes();
  current.mixed = [];
  current.at = placeOf(current.z);
  fit();
  showHint();
  showWhere();
  showCommands();
}

function setLayer(name) {
  layer = name;
  if (name === 'decoder') askForTiles();
  else stopJob('tiles');
  $('legend').toggleAttribute('data-idle', name === 'decoder');
  redraw('under', 'points');
  showHint();
  showCommands();
}

const touch = matchMedia('(pointer: coarse)');
function showHint(before = earlier()) {
  let text = touch.matches
    ? 'Drag a finger over the map to decode, tap to pin; two fingers move and zoom.'
    : 'Move over the map to decode, click to pin, drag to pan, scroll to zoom, Shift and drag to select.';
  if (inSpace()) {
    text = touch.matches
      ? 'Drag a finger to turn, tap a point to pin it; two fingers move and zoom.'
      : 'Drag to turn, or the arrow keys; move over a point to decode its code, click to pin it, scroll to zoom.';
  }
  if (lassoOn) text = 'Draw a line around points to select them.';
  if (before) text = `The codes of ${facts.frames.images.toLocaleString('en')} images at ${epochName(+$('epoch').value)}. What is decoded here is the finished run's; of earlier epochs there are the pictures in the tab Training.`;
  else if (typeof axes === 'number') {
    const {name, n, linear} = facts.maps[axes];
    const some = n < N ? ` It shows ${n.toLocaleString('en')} of the ${N.toLocaleString('en')} codes.` : '';
    if (tab === 'path' && !linear) text = 'Dots lead from A to B through the images that lie nearest to the codes between them.';
    text += ` A ${name} map has no inverse: between points the code is the inverse-distance mean of the six nearest.${some}`;
  } else if (onLatents() && D > 2) {
    text += D === 3 ? ' The other latent stays as it is.' : ` The other ${D - 2} latents stay as they are.`;
  }
  $('hint').textContent = text;
}

function buildLegend() {
  const box = $('legend');
  box.replaceChildren();
  const way = colouring === null ? null : facts.colourings[colouring];
  box.hidden = !way;
  if (!way) return;
  box.toggleAttribute('data-some', only.size > 0);
  if (way.kind === 'number') {
    box.append(scaleOf(way));
    return;
  }
  const present = new Set(colours[colouring]);
  way.labels.forEach((label, v) => {
    if (!present.has(v)) return;
    const mark = make('canvas', {width: 32, height: 32, 'aria-hidden': 'true'});
    drawMark(mark, way, v);
    const button = make('button', {title: label, 'aria-pressed': only.has(v)}, mark, make('bdi', {textContent: label}));
    button.addEventListener('click', () => {
      if (!only.delete(v)) only.add(v);
      button.setAttribute('aria-pressed', only.has(v));
      box.toggleAttribute('data-some', only.size > 0);
      forgetContours();
      redraw('points');
    });
    box.append(button);
  });
}

// A number's colours from its low to its high end.
function scaleOf(way) {
  const bar = make('canvas', {width: LEVELS, height: 1, 'aria-hidden': 'true'});
  const c = bar.getContext('2d');
  for (let v = 0; v < LEVELS; v++) {
    c.fillStyle = valueColour(way, v);
    c.fillRect(v, 0, 1, 1);
  }
  const ends = [way.low, (way.low + way.high) / 2, way.high].map(v => make('span', {textContent: spoken(v)}));
  const name = `${way.name}${way.unit ? `, ${way.unit}` : ''}`;
  return make('div', {className: 'scale'}, make('span', {textContent: name}), make('div', {}, bar, make('div', {className: 'ends'}, ...ends)));
}

// The same coverage as on the map, large.
function drawMark(canvas, way, v) {
  const c = canvas.getContext('2d');
  const image = c.createImageData(32, 32);
  const cells = mask(valueShape(way, v), 11, 1);
  const style = {
    colour: packedColour(valueColour(way, v)),
    offsets: Int32Array.from(cells, ([dx, dy]) => dy * 32 + dx),
    alphas: Uint8Array.from(cells, ([, , alpha]) => alpha),
  };
  stamp(new Uint32Array(image.data.buffer), 16 * 32 + 16, style);
  c.putImageData(image, 0, 0);
}

function buildFacts() {
  const many = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
  const sizes = facts.views.map(({h, w, c}) => `${h}×${w}×${c}`).join(' and ');
  const shown = N < facts.total ? `${N.toLocaleString('en')} of ${facts.total.toLocaleString('en')}` : N.toLocaleString('en');
  $('subtitle').textContent = `${shown} ${facts.split} images · ${many(D, 'latent')}`;
  const list = [
    ['codes', `posterior means of ${shown} images of the ${facts.split} split`],
    ['pictures', `${sizes}, ${facts.dataKind} data`],
    ...facts.maps.map(map => [map.name, `${map.note}, ${map.n.toLocaleString('en')} codes`]),
    ...(F ? [['training', `${F} epochs kept, codes of ${facts.frames.images.toLocaleString('en')} images, ${(facts.frames.bytes / 1e6).toFixed(1)} MB of this file`]] : []),
    ['latents', facts.rate ? 'in order of their mean rate' : 'in order of their spread'],
    ['decoder', networkInWords(facts.decoder)],
    ...(facts.encoder ? [['encoder', networkInWords(facts.encoder)]] : []),
    ['made by', `vaelab ${facts.version}`],
  ];
  for (const [name, text] of list) {
    $('about-facts').append(make('dt', {textContent: name}), make('dd', {textContent: text}));
  }
  $('licences').hidden = facts.decoder.kind !== 'page';
  $('licences').addEventListener('toggle', async () => {
    const text = await unpacked('licences');
    if (text.length) $('licence-text').textContent = new TextDecoder().decode(text);
  });
}

function networkInWords(model) {
  if (model.kind === 'server') return 'runs in the vaelab process that serves this page';
  const weights = model.half ? 'weights in half precision' : 'single precision';
  const size = `${(model.bytes / 1e6).toFixed(1)} MB of this file`;
  return `runs in this page, by LiteRT: ${model.parameters.toLocaleString('en')} parameters, ${weights}, ${size}; nothing is fetched`;
}

// -- start --------------------------------------------------------------------------------------------------------------

async function start() {
  const computer = facts.decoder.kind === 'page' ? computerInPage() : computerOnServer();
  Promise.resolve(computer).catch(() => {}); // told below
  const pictures = readAtlases();
  await readData();
  const root = document.documentElement.style;
  root.setProperty('--views', views.length);
  root.setProperty('--ratio', aspect);
  document.body.toggleAttribute('data-several', views.length > 1);
  $('decoded').append(decodedSet);
  if (facts.atlas) $('nearest').append(nearestSet);
  $('nearest').append(make('figcaption', {}, 'nearest: ', make('bdi'), make('small')));
  buildControls();
  buildFacts();
  buildSliders();
  buildCondition();
  buildSlots();
  buildPath();
  buildArithmetic();
  buildEncode();
  buildFind();
  buildTraining();
  $('float').append(floatSet);
  buildCommands();
  partMenus();
  measure();
  axesChanged();
  buildLegend();
  listenToMap();
  listenToTabs();
  listenToSaves();
  if (K) current.given = givenOf(0);
  firstSlots();
  openTab('latents');
  const first = typeof axes !== 'number' ? null : nearestPlaces(camera.x, camera.y, 1)[0][1];
  if (first === null) setCode(new Float32Array(D));
  else setCode(codeOf(first), {at: {x: place[2 * first], y: place[2 * first + 1]}, example: first, posterior: posteriorOf(first)});
  listenToAddress();
  new ResizeObserver(() => {
    const before = width;
    const scale = camera.scale / fittedScale;
    measure();
    if (before !== width || scale === 1) fit();
    redraw('under', 'points', 'over');
  }).observe(plot);
  pictures.then(showAtlases, failed);
  if (F) readFrames().catch(failed);
  document.body.dataset.shownMs = performance.now().toFixed(0);
  await startDecoder(computer);
}

// The small pictures may come later than the map.
function showAtlases() {
  shownNearest = -1;
  showWhere();
  showTab();
  redraw('points');
  document.body.dataset.pictures = 'ok';
}

// A network counts as there when it has computed what Keras has of a few rows.
async function startDecoder(promised) {
  setStatus('busy', 'Starting the decoder…');
  try {
    const ready = await promised;
    const difference = await disagreement(ready, 'decode', facts.encoder ? 'evaluate' : 'decode');
    document.body.dataset.difference = difference;
    if (!(difference <= facts.tolerance.decode.pictures)) {
      throw new Error(`This browser's pictures differ from Keras's by ${difference.toExponential(1)}: none are shown.`);
    }
    compute = ready;
    const where = facts.decoder.kind === 'page' ? 'in this page' : 'on the server';
    const agreement = difference ? `within ${difference.toExponential(0)} of Keras` : 'equal to Keras';
    setStatus('good', `decoder ${where}, ${agreement}`);
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  document.body.dataset.readyMs = performance.now().toFixed(0);
  document.body.dataset.ready = 'ok';
  showSlots();
  codeChanged();
  if (layer === 'decoder') askForTiles();
  if (facts.encoder) await startEncoder();
}

async function startEncoder() {
  try {
    const difference = await disagreement(compute, 'encode', 'encode');
    document.body.dataset.encoderDifference = difference;
    if (!(difference <= facts.tolerance.encode.numbers)) {
      throw new Error(`This browser's codes differ from Keras's by ${difference.toExponential(1)}: no image is encoded.`);
    }
    document.body.dataset.encoder = 'ok';
    if (!pads.every(isEmpty)) padsChanged();
  } catch (error) {
    encoderProblem = error.message;
    document.body.dataset.encoder = 'error';
    told(encoderProblem);
  }
}

// Largest difference to Keras over the rows that travel for it: of pictures in shares of the display range, whatever the
// data's own, of other numbers by 1 + their size.
async function disagreement(computing, name, route) {
  const floats = async end => new Float32Array((await unpacked(`golden-${name}-${end}`)).buffer);
  const [rows, wanted] = [await floats('in'), await floats('out')];
  const width = route === 'encode' ? pixels + facts.noise + K : D + K + (route === 'evaluate' ? pixels : 0);
  const {values} = await computing(route, rows, width);
  if (values.length !== wanted.length) return Infinity;
  const step = wanted.length / (rows.length / width);
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) {
    const at = i % step;
    const view = name === 'decode' && at < pixels ? views.findLast(({start}) => start <= at) : null;
    const size = view ? view.range[1] - view.range[0] : 1 + Math.abs(wanted[i]);
    const difference = Math.abs(wanted[i] - values[i]) / size;
    if (!(difference <= largest)) largest = difference; // NaN is larger than anything
  }
  return largest;
}

start().catch(error => failed(error));

// For the console, and for tests.
self.vaelab = {
  facts,
  current,
  slots,
  go,
  moveTo,
  setCode,
  times,
  drawTimes,
  decode: async z => (await decode(Float32Array.from(z))).pictures,
  measured: async (image, given = current.given) => {
    const found = await measured(Float32Array.from(image), Float32Array.from(given));
    return {mean: [...found.mean], std: [...found.std], logP: found.logP, picture: [...found.picture], distortion: found.distortion, rate: found.rate, elbo: found.elbo, draws: found.draws.map(z => [...z])};
  },
  encodeTimes,
  placeOf: z => placeOf(Float32Array.from(z)),
  placesOfPath,
  get place() {
    return [...place];
  },
  get turned() {
    return {...turned};
  },
  get contours() {
    if (!contours) findContours();
    return contours.map(({value, share}) => ({value, share}));
  },
  // whether a place of the map lies inside a line of the density
  inContour: (k, x, y) => contours[k].above(x, y),
  get epoch() {
    return epochAt;
  },
  get encoded() {
    return encoded && {...encoded, image: [...encoded.image], mean: [...encoded.mean], std: [...encoded.std]};
  },
  get group() {
    return group && {name: group.name, members: group.members};
  },
  setGiven: given => setGiven(Float32Array.from(given)),
  get camera() {
    return {...camera, width, height};
  },
};
