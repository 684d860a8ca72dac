// Decoded vectors and small pictures of examples, on canvases.

let atlases = []; // one image per view

async function readAtlases() {
  if (!facts.atlas) return;
  atlases = await Promise.all(
    views.map((_, v) => createImageBitmap(new Blob([blob(`atlas-${v}`)], {type: 'image/webp'})))
  );
}

const hasThumbnail = i => atlases.length > 0 && i < facts.atlas.n;

// View v of a decoded vector, at its own size.
function paint(canvas, picture, v) {
  const {h, w, c, start, range} = views[v];
  const [low, high] = range;
  const scale = 255 / (high - low);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const context = canvas.getContext('2d');
  const image = context.createImageData(w, h);
  for (let i = 0, at = start; i < h * w; i++, at += c) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = (picture[at + (c >= 3 ? k : 0)] - low) * scale;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// View v of example i on a context, in a rectangle.
function drawThumbnail(context, i, v, x, y, width, height) {
  const {cols, sizes} = facts.atlas;
  const [h, w] = sizes[v];
  context.drawImage(atlases[v], (i % cols) * w, Math.floor(i / cols) * h, w, h, x, y, width, height);
}

// One canvas per view, side by side.
function pictureSet(label) {
  const node = make('span', {className: 'views'});
  node.canvases = views.map((view, v) => {
    const name = views.length > 1 ? `${label}, view ${v + 1}` : label;
    const canvas = make('canvas', {width: view.w, height: view.h, role: 'img', 'aria-label': name});
    canvas.style.setProperty('--ratio', view.w / view.h);
    node.append(canvas);
    return canvas;
  });
  node.show = picture => node.canvases.forEach((canvas, v) => paint(canvas, picture, v));
  node.showExample = i => {
    node.canvases.forEach((canvas, v) => {
      const [h, w] = facts.atlas.sizes[v];
      Object.assign(canvas, {width: w, height: h});
      drawThumbnail(canvas.getContext('2d'), i, v, 0, 0, w, h);
    });
  };
  node.name = text => {
    node.canvases.forEach((canvas, v) => {
      canvas.setAttribute('aria-label', views.length > 1 ? `${text}, view ${v + 1}` : text);
    });
  };
  return node;
}

// A row of pictures with captions, each a way to somewhere.
function fillStrip(node, captions, onPress) {
  node.classList.toggle('tall', views.length > 1);
  const sets = captions.map((caption, k) => {
    const set = pictureSet(caption);
    const button = make('button', {tabIndex: -1, title: caption, 'aria-label': `go to ${caption}`}, set);
    button.addEventListener('click', () => onPress(k));
    node.append(make('figure', {}, button, make('figcaption', {textContent: caption})));
    return set;
  });
  return sets;
}
