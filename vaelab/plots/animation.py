"""Frames that become a GIF."""

from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


@dataclass
class Animation:
    """Frames shown one after another, for ever.

    Attributes:
        frames: uint8 (H, W, 3) arrays or matplotlib Figures, all of one size.
        duration_ms: milliseconds per frame.
    """

    frames: list
    duration_ms: int

    def arrays(self) -> list[np.ndarray]:
        """Every frame as uint8 (H, W, 3)."""
        return [rendered(f) if isinstance(f, Figure) else np.asarray(f, np.uint8) for f in self.frames]

    def save(self, path) -> None:
        """Writes a GIF. All frames share one palette of 256 colours, so that nothing flickers."""
        arrays = self.arrays()
        sample = arrays[:: max(1, len(arrays) // 8)]
        palette = _with_white(Image.fromarray(np.concatenate(sample)).quantize(256, method=Image.Quantize.MEDIANCUT))
        images = [Image.fromarray(a).quantize(palette=palette, dither=Image.Dither.NONE) for a in arrays]
        images[0].save(
            path,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=self.duration_ms,
            loop=0,
            optimize=False,
        )


def _with_white(quantized: Image.Image) -> Image.Image:
    """The palette with all nearly white colours made white, so that the page stays white."""
    colours = np.array((quantized.getpalette() or [])[: 256 * 3]).reshape(-1, 3)
    colours[(colours.min(axis=1) >= 247) | (np.arange(len(colours)) == colours.sum(axis=1).argmax())] = 255
    quantized.putpalette(colours.ravel().tolist())
    return quantized


def rendered(figure: Figure) -> np.ndarray:
    """The figure as uint8 (H, W, 3) at its own resolution."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def there_and_back(frames: list) -> list:
    """The frames forwards, then backwards, the two ends once each."""
    return [*frames, *frames[-2:0:-1]]
