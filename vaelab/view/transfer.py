"""Background transfer with a model of two views: keep what is shared, take the rest from elsewhere.

Read by the pictures and the metric of that name; numpy in, numpy out.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaelab.errors import ConfigError, NotApplicable
from vaelab.system.printing import counted

MOST_FOR_A_BACKGROUND = 1000  # images per tag its background is found from
SURE = 0.9  # share of the images in which a pixel has one value, so that nothing is in front of it


class Roles(NamedTuple):
    """Which view (from 0) gives what is kept, and in which one the result appears."""

    source: int
    target: int


class Backgrounds(NamedTuple):
    """What lies behind the images of a view.

    Attributes:
        images: (K, H, W, C) in [0, 1].
        tags: (K,) the tag of each.
    """

    images: np.ndarray
    tags: np.ndarray


def roles(view, source_view: int, setting: str) -> Roles:
    """The roles of the two views; source_view counts from 1.

    Raises:
        ConfigError: the model has not two views or no shared part, or it has a condition.
    """
    if view.n_views != 2 or "shared" not in view.parts:
        raise NotApplicable(
            f"{setting} needs a model of two views with a shared part (structure=conjoint); "
            f"this run has {counted(view.n_views, 'view')}."
        )
    if view.condition is not None:
        raise NotApplicable(
            f"{setting}: what is transferred has the condition of neither view's image, and this run decodes with one "
            f"(condition={view.condition.option})."
        )
    if source_view not in (1, 2):
        raise ConfigError(f"{setting}.source_view: expected 1 or 2, got {source_view}.")
    return Roles(source_view - 1, 2 - source_view)


def refuse_start(method: str, start: str, setting: str) -> None:
    """ConfigError where a start was chosen for a method that has none."""
    if method == "splice" and start != "backgrounds":
        raise ConfigError(
            f"{setting}.start={start} goes with method=iterate: splicing is one step on images of the split."
        )


def backgrounds(view, v: int, setting: str) -> Backgrounds:
    """The pure background of every tag that a view of the training images has.

    Where the tags name the patterns of dataset=mnist_backgrounds and the images agree, those are taken; else each
    pixel's commonest value: what is in front differs from image to image, what is behind does not.

    Raises:
        ConfigError: the dataset has no tags.
    """
    part = view.split("train")
    if part.tags is None:
        raise NotApplicable(
            f"{setting} starts from backgrounds, which it finds by their tags; this run's dataset has none. "
            f"Use {setting}.start=zeros or {setting}.targets=[image files]."
        )
    tags = np.asarray(part.tags)[:, v]
    known = np.unique(tags)
    found = []
    for tag in known:
        images = part.images(np.flatnonzero(tags == tag)[:MOST_FOR_A_BACKGROUND])[v]
        seen, share = _commonest(images)
        pattern = _pattern(view.tag_names[tag] if tag < len(view.tag_names) else "", images.shape[1:])
        sure = share > SURE
        agrees = pattern is not None and sure.any() and np.abs(pattern - seen)[sure].max() < 1 / 255
        found.append(pattern if agrees else seen)
    return Backgrounds(np.stack(found), known)


def _pattern(name: str, shape) -> np.ndarray | None:
    """A background of dataset=mnist_backgrounds as (H, W, C) in [0, 1]; None where the name is none."""
    from vaelab.datasets.mnist_backgrounds import background

    try:
        pattern = background(str(name), tuple(shape[:2]))
    except ConfigError:
        return None
    return np.repeat(pattern[..., None].astype(np.float32) / 255, shape[2], axis=2)


def _commonest(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, H, W, C) in [0, 1] -> (the value each pixel has most often, to 8 bits; in which share of the images)."""
    levels = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8).reshape(len(images), -1)
    best, most = np.zeros(levels.shape[1], np.uint8), np.zeros(levels.shape[1], int)
    for level in np.unique(levels):
        count = (levels == level).sum(axis=0)
        best, most = np.where(count > most, level, best), np.maximum(count, most)
    shape = images.shape[1:]
    return (best / np.float32(255)).reshape(shape).astype(np.float32), (most / len(images)).reshape(shape)


def starts(view, n: int, who: Roles, start: str, setting: str) -> tuple[np.ndarray, np.ndarray]:
    """What the target view first shows for n sources: its pure backgrounds in turn, or zeros.

    Args:
        start: "backgrounds" or "zeros".
    Returns:
        ((n, H, W, C) in [0, 1], (n,) tags, -1 for zeros).
    """
    if start == "zeros":
        return np.zeros((n, *view.data_shapes[who.target]), np.float32), np.full(n, -1)
    found = backgrounds(view, who.target, setting)
    turn = np.arange(n) % len(found.tags)
    return found.images[turn], found.tags[turn]


def donors(view, split: str, n: int, who: Roles, rng: np.random.Generator) -> np.ndarray:
    """Rows of a split whose target views show its backgrounds in turn; any rows where there are no tags."""
    part = view.split(split)
    if part.tags is None:
        return rng.choice(len(part), n)
    tags = np.asarray(part.tags)[:, who.target]
    known = np.unique(tags)
    return np.array([rng.choice(np.flatnonzero(tags == known[k % len(known)])) for k in range(n)])


def iterate(view, sources: np.ndarray, targets: np.ndarray, n: int, who: Roles) -> tuple[np.ndarray, np.ndarray]:
    """n times: encode (source, target), decode, keep the source, and let the decoded view take the target's place.

    Args:
        sources: (N, H, W, C) of the source view, in [0, 1].
        targets: (N, H', W', C') of the target view: what the first encoding sees there.
    Returns:
        ((n + 1, N, H', W', C') targets, the given one first; (n + 1, N, D) posterior means of each pair).
    """
    seen, codes = [np.asarray(targets, np.float32)], []
    for _ in range(n):
        codes.append(_code(view, sources, seen[-1], who))
        seen.append(view.decode(codes[-1])[who.target])
    codes.append(_code(view, sources, seen[-1], who))
    return np.stack(seen), np.stack(codes)


def splice(view, sources: tuple, donors: tuple, who: Roles) -> np.ndarray:
    """The target view decoded from the shared code of one pair of images and the private codes of another.

    Args:
        sources, donors: both views of each, (N, H, W, C).
    """
    code, other = np.array(view.encode(sources)[0]), np.asarray(view.encode(donors)[0])
    own = [where for name, where in view.parts.items() if name != "shared"]
    for where in own:
        code[:, where] = other[:, where]
    return view.decode(code)[who.target]


def _code(view, sources, targets, who: Roles) -> np.ndarray:
    pair = [None, None]
    pair[who.source], pair[who.target] = sources, targets
    return np.asarray(view.encode(tuple(pair))[0], np.float32)


def read_images(paths, shape, setting: str) -> np.ndarray:
    """Image files as (n, H, W, C) float32 in [0, 1]: cut to the shape's aspect, resized, grey where C is 1.

    Raises:
        ConfigError: a file that is not there or no image.
    """
    from vaelab.datasets.image_cache import Recipe, decode

    recipe, images = Recipe(tuple(shape[:2]), "grey" if shape[2] == 1 else "rgb", "crop"), []
    for path in paths:
        file = Path(path).expanduser()
        if not file.is_file():
            raise ConfigError(f"{setting}: there is no file '{path}'.")
        image = decode(file, recipe)
        if isinstance(image, str):
            raise ConfigError(f"{setting}: '{path}' cannot be read as an image: {image}.")
        images.append(image.astype(np.float32) / 255)
    return np.stack(images)
