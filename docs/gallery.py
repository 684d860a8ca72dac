"""Draws every picture of conf/plot for the gallery of the site.

    VAELAB_DATA=... python docs/gallery.py [NAME ...]      all pictures (7 minutes of one core), or the named ones

Five runs in a temporary folder, or in the one that $GALLERY_RUNS names, where they are found again: MNIST with two,
three and ten latents and with two levels of them, digits on backgrounds in two views. Pictures become small files below
docs/gallery; docs/film.py films the explorer of the first run.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

import yaml
from PIL import Image

import vaelab

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WIDTH = 720  # pixels, of stills
ANIMATION = 400
COMMON = "trainer.threads=1", "tracking=none", "explorer=none", "plot=[]", "trainer.progress=false"
RUNS = {
    "two": ("dataset=mnist", "dataset.limit=20000", "model=dense", "latent_dim=2", "trainer.epochs=20",
            "plot=[training_animation,training_codes,training_reconstructions]", "explorer=file"),
    "ten": ("dataset=mnist", "dataset.limit=20000", "model=dense", "latent_dim=10", "trainer.epochs=15", "beta=2",
            "dataset.normal_classes=[0,1,2,3,4,5,6,7,8]"),
    "three": ("dataset=mnist", "dataset.limit=10000", "model=dense", "latent_dim=3", "trainer.epochs=10"),
    "levels": ("dataset=mnist", "dataset.limit=20000", "model=gated_dense", "structure=two_level", "trainer.epochs=10",
               "beta_schedule=warmup"),
    "views": ("experiment=backgrounds_digits_vae", "metric=[elbo]", "trainer.steps=2000"),
}  # fmt: skip
OF_TWO = {
    "manifold", "latent_scatter", "generate", "training_animation", "training_codes", "training_reconstructions",
    "training_curves", "schedule", "architecture", "samples", "random_grid",
}  # fmt: skip
OF_THREE = {"manifold_3d", "manifold_3d_animation"}
SETTINGS = {
    "generate": {"z": [[0.5, -1.2], [1, 1], [-1, 0.5], [-1.5, -1]]},
    "error_maps": {"choose": "unseen"},
    "reconstructions": {"choose": "per_class"},
    "interpolation": {"n": 4},
    "manifold_3d_animation": {"n": 8},
    "random_grid": {"n": 64},
}


def run_of(name: str) -> str:
    """Which run a picture is of."""
    if "background" in name or "conjoint" in name:
        return "views"
    if name == "levels":
        return name
    return "two" if name in OF_TWO else "three" if name in OF_THREE else "ten"


def main() -> None:
    wanted = sys.argv[1:] or sorted(file.stem for file in ROOT.glob("conf/plot/*.yaml"))
    (HERE / "gallery").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(os.environ.get("GALLERY_RUNS", made))
        runs: dict[str, vaelab.Run] = {}
        for name in wanted:
            which = run_of(name)
            runs[which] = runs.get(which) or trained(which, folder)
            try:
                picture = runs[which].plot(name, **SETTINGS.get(name, {}))
            except vaelab.errors.ConfigError as error:
                print(f"{name}: {error}")
                continue
            print(kept(picture, name))


def trained(which: str, folder: Path) -> "vaelab.Run":
    """One of the runs, trained where it is not there yet."""
    where = folder / which
    if (where / "status.json").is_file() and yaml.safe_load((where / "status.json").read_text())["state"] == "done":
        return vaelab.load(where)
    return vaelab.train(*COMMON, *RUNS[which], f"hydra.run.dir={where}", f"output_dir={folder}")


def kept(picture, name: str) -> str:
    """Writes a picture small; returns what was written."""
    if hasattr(picture, "savefig"):
        drawn = io.BytesIO()
        picture.savefig(drawn, format="png", dpi=110)
        image = Image.open(drawn).convert("RGB")
        image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
        file = HERE / "gallery" / f"{name}.png"
        image.quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    else:
        file = HERE / "gallery" / f"{name}.webp"
        frames = [Image.fromarray(frame) for frame in picture.arrays()]
        for frame in frames:
            frame.thumbnail((ANIMATION, ANIMATION), Image.Resampling.LANCZOS)
        duration = picture.duration_ms
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=60, method=4)
    return f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB"


if __name__ == "__main__":
    main()
