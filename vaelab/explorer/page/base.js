// What the pages of a run and of a sweep begin with: the elements, facts, and bytes that lie in the page.

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

// Ticks of an axis: the least of 1, 2, 5, 10, ... that is not below a length; and a multiple of it in words.
function niceStep(atLeast) {
  const ten = 10 ** Math.floor(Math.log10(atLeast));
  return [1, 2, 5, 10].map(k => k * ten).find(step => step >= atLeast);
}
function tickText(v, step) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return (Math.abs(v) < step / 1e6 ? 0 : v).toFixed(Math.min(8, digits)).replace('-', '−');
}
