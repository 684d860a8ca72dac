// Light and dark, and the colours of points. LIGHT and DARK, those of classes, stand before all scripts (build.py).

const SHAPES = ['disc', 'triangle', 'square', 'diamond', 'cross', 'ring']; // one for every ten classes
const CIVIDIS = ['#00224E', '#123570', '#3B496C', '#575D6D', '#707173', '#8A8678', '#A59C74', '#C3B369', '#E1CC55', '#FEE838'];

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const themeListeners = [];

const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? 'dark' : 'light')) === 'dark';
const css = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
  for (const listener of themeListeners) listener();
}
systemDark.addEventListener('change', () => themeListeners.forEach(listener => listener()));

// Colour and shape of the v-th of n values of a way to colour.
function valueColour(way, v) {
  if (way.kind === 'class') return (isDark() ? DARK : LIGHT)[v % 10];
  const n = way.labels.length;
  const from = isDark() ? 0.22 : 0; // the darkest would vanish on black
  const place = (from + (1 - from) * (n > 1 ? v / (n - 1) : 1)) * (CIVIDIS.length - 1);
  const low = Math.min(CIVIDIS.length - 2, Math.floor(place));
  return mixColours(CIVIDIS[low], CIVIDIS[low + 1], place - low);
}
const valueShape = (way, v) => (way.kind === 'class' ? SHAPES[Math.floor(v / 10) % SHAPES.length] : 'disc');

const channels = hex => [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));
function mixColours(a, b, t) {
  const [x, y] = [channels(a), channels(b)];
  return '#' + x.map((v, k) => Math.round(v + (y[k] - v) * t).toString(16).padStart(2, '0')).join('');
}
// 0x00BBGGRR, as pixels lie in memory
function packedColour(hex) {
  const [r, g, b] = channels(hex);
  return (b << 16) | (g << 8) | r;
}
