"""A run's pictures as MLflow's pages want them for the grid that compares runs: images/<name>+step+..., each beside a
small one. The name of a picture is made of its file's time, so that one that is logged again takes its own place."""

import uuid
from pathlib import Path

SMALL = 256  # pixels of the longer side of what the grid shows


def files(figures: Path, step: int, into: Path) -> list[tuple[Path, str]]:
    """(file, folder below the run's artifacts) of each PNG, whole and small.

    Args:
        figures: the folder of the pictures.
        step: epochs of the training.
        into: a folder for the small ones and for links to the others.
    """
    found = []
    for picture in sorted(figures.glob("*.png")):
        when = int(1000 * picture.stat().st_mtime)
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"{picture.stem}/{when}")
        name = f"{picture.stem}+step+{step}+timestamp+{when}+{own}"
        whole, small = into / f"{name}.png", into / f"{name}+compressed.webp"
        if _shrink(picture, small):
            whole.symlink_to(picture.resolve())
            found += [(whole, "images"), (small, "images")]
    return found


def _shrink(picture: Path, small: Path) -> bool:
    """Writes the small one; False where the picture cannot be read."""
    from PIL import Image

    try:
        with Image.open(picture) as image:
            image = image.convert("RGB")
            image.thumbnail((SMALL, SMALL))
            image.save(small)
    except (OSError, ValueError, Image.DecompressionBombError):
        return False
    return True
