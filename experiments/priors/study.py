"""The table, the paired differences, the bounds and the pictures of this study, from the runs that are there.

python study.py outputs [more folders of runs ...]

Writes results.csv, paired.csv and bounds.csv here, prints them, and draws <recipe>_samples.png, <recipe>_aggregate.png
and <recipe>_pseudo_inputs.png; of a run named two_digits two_digits_aggregate.png. What is missing is said.
"""

import csv
import re
import sys
from pathlib import Path

import numpy as np

import vaelab
from vaelab.plots.style import DPI, MUTED, SMALL, WIDTH, colour, plain_axes
from vaelab.records.run_folder import all_runs

HERE = Path(__file__).resolve().parent
RECIPES = (
    "dynamic_mnist_vae", "dynamic_mnist_vamp", "dynamic_mnist_exemplar", "fashion_dynamic_vae", "fashion_dynamic_vamp",
)  # fmt: skip
# (second, first): (published difference of -log p(x) in nats, what is asked for at most)
PAIRS = {
    ("dynamic_mnist_vamp", "dynamic_mnist_vae"): (-2.02, -1.3),
    ("dynamic_mnist_exemplar", "dynamic_mnist_vae"): (-2.36, None),
    ("fashion_dynamic_vamp", "fashion_dynamic_vae"): (-1.35, None),
}
SHOWN = 2000  # codes in a picture of the aggregate posterior


def main(output_dirs: list[str]) -> None:
    """Everything that the runs' folders give."""
    found = runs_of(output_dirs)
    for recipe in RECIPES:
        if recipe not in found:
            print(f"missing: a finished run of {recipe}. vaelab reproduce experiment={recipe} trainer.threads=1")
    tell("results", [row_of(recipe, folder) for recipe, folder in found.items()])
    tell("paired", [row for pair in PAIRS if set(pair) <= set(found) for row in differences(pair, found)])
    tell("bounds", [bounds_of(recipe, folder) for recipe, folder in found.items()])
    for recipe, folder in found.items():
        pictures(recipe, folder)
    for folder in done(output_dirs):
        if folder.status().get("run_name") == "two_digits":
            aggregate(vaelab.load(str(folder.path))).savefig(HERE / "two_digits_aggregate.png", dpi=DPI)


def done(output_dirs: list[str]) -> list:
    """The `RunFolder`s of finished runs, the last one last."""
    found = [folder for place in output_dirs for folder in all_runs(place) if folder.status().get("state") == "done"]
    return sorted(found, key=lambda folder: folder.status().get("started", 0))


def runs_of(output_dirs: list[str]) -> dict:
    """{recipe: RunFolder} of the last finished run of each recipe."""
    by_recipe = {folder.status().get("chosen", {}).get("experiment"): folder for folder in done(output_dirs)}
    return {recipe: by_recipe[recipe] for recipe in RECIPES if recipe in by_recipe}


def tell(name: str, rows: list[dict]) -> None:
    """Rows as <name>.csv and as a markdown table; nothing where there are none."""
    if not rows:
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(HERE / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(str(row.get(column, '')) for column in columns)} |")


def nll_of(scores: dict) -> str | None:
    """The nll of most samples that a run has, "nll_is5000"."""
    samples = [int(m[1]) for m in (re.fullmatch(r"test/nll_is(\d+)", name) for name in scores) if m]
    return f"nll_is{max(samples)}" if samples else None


def row_of(recipe: str, folder) -> dict:
    """-log p(x) with its errors, what is published and asked for, epochs and cost."""
    scores, history, expected = folder.read_metrics(), folder.read_history(), folder.read_config()["expect"]["nll"]
    row = {"recipe": recipe, "published": expected["published"], "asked for at most": expected["at_most"]}
    if name := nll_of(scores):
        score, error = scores[f"test/{name}"], scores.get(f"test/{name}_mc_error", {}).get("value")
        row |= {
            "estimate": name, "nll": f"{score['value']:.2f}", "se over images": f"{score['se']:.2f}",
            "error of sampling": score.get("doubt") or f"{error:.3f}", "images": score["n"],
            "verdict": "PASS" if score["value"] <= expected["at_most"] else "FAIL",
            "weights of epoch": score["weights_epoch"],
        }  # fmt: skip
    seconds = [line.get("time/seconds") or 0 for line in history]
    return row | {"epochs": len(history), "hours": f"{sum(seconds) / 3600:.1f}"}


def differences(pair: tuple, found: dict) -> list[dict]:
    """The first of the pair minus the second in nats, image by image."""
    published, most = PAIRS[pair]
    compared = vaelab.compare(*(str(found[recipe].path) for recipe in reversed(pair)))
    rows = []
    for (_, term), d in compared.paired.iterrows():
        if term.startswith("nll"):
            row = {"difference": f"{pair[0]} minus {pair[1]}", "term": term, "nats": f"{d['mean']:.3f}"}
            row |= {"se": f"{d['se']:.3f}", "lower for": f"{1 - d['higher']:.0%}", "images": int(d["n"])}
            row |= {"published": published, "asked for at most": most or ""}
            rows.append(row | {"verdict": "" if most is None else "PASS" if d["mean"] <= most else "FAIL"})
    if not rows:
        print(f"missing: what {' and '.join(pair)} differ by. {compared.note or 'Their nll was not kept by image.'}")
    return rows


def bounds_of(recipe: str, folder) -> dict:
    """Means of log p(x) over the images that were annealed, and both bounds on images simulated from the model."""
    by_image, scores = folder.read_by_image("test"), folder.read_metrics()
    row = {"recipe": recipe}
    if "nll_ais" not in by_image:
        print(f"missing: the bounds of {recipe}. vaelab evaluate run={folder} metric=[ais] metrics.ais.bdmc=true")
        return row
    rows, annealed = by_image["nll_ais"]
    row |= {"images": len(rows)}
    if (name := nll_of(scores)) in by_image:
        _, here, _ = np.intersect1d(by_image[name][0], rows, return_indices=True)
        if len(here) == len(rows):
            row["log p(x) at least, importance sampling"] = f"{-by_image[name][1][here].mean():.2f}"
    row["at least, annealing"] = f"{-annealed.mean():.2f}"
    for name in ("lower", "upper", "gap"):
        if score := scores.get(f"test/ais_bdmc_{name}"):
            row[f"simulated images, {name}"] = f"{score['value']:.2f} ± {score['se']:.2f}"
    return row


def pictures(recipe: str, folder) -> None:
    """Samples, codes beside draws of the prior, and the pseudo-inputs of a VampPrior."""
    run = vaelab.load(str(folder.path))
    run.plot("samples").savefig(HERE / f"{recipe}_samples.png", dpi=DPI)
    aggregate(run).savefig(HERE / f"{recipe}_aggregate.png", dpi=DPI)
    if (figure := pseudo_inputs(folder, run.view.name)) is not None:
        figure.savefig(HERE / f"{recipe}_pseudo_inputs.png", dpi=DPI)


def pseudo_inputs(folder, name: str, n: int = 100):
    """The first pseudo-inputs of a VampPrior as a Figure; None where there are none."""
    from vaelab.plots.grid import Block, folded, grid_figure
    from vaelab.training.checkpoint import CheckpointFolder

    saved = CheckpointFolder(folder.checkpoint).load()
    inputs = (saved.model if saved.best is None else saved.best).get("prior/pseudo_inputs")
    if inputs is None:
        return None
    images = np.clip(inputs[:n], 0, 1)
    facts = [name, f"{len(images)} of {len(inputs)}"]
    return grid_figure([Block(folded(images, 20))], title="Pseudo-inputs u_k", facts=facts, largest_tile=0.5)


def aggregate(run):
    """z ~ q(z) of test images, z ~ p(z), and draws of the priors that were fitted afterwards, in one plane.

    The plane is that of the two latents, or of the first two principal components of q(z).
    """
    from matplotlib.figure import Figure

    view = run.view
    n = min(SHOWN, len(view.split("test")))
    codes = view.posterior_samples("test", 1, slice(0, n))[0]
    clouds = {
        "aggregate posterior q(z)": codes,
        f"p(z) = {view.prior.words}": view.sample_prior(n, view.rng("plots", 7)),
    }
    clouds |= {f"fitted: {prior.words}": prior.sample(n, view.rng("plots", 8)) for prior in fitted(run)}
    middle, axes = codes.mean(axis=0), np.eye(2)
    if view.latent_dim > 2:
        axes = np.linalg.svd(codes - middle, full_matrices=False)[2][:2]
    else:
        middle = np.zeros(2)
    placed = {name: (z - middle) @ axes.T for name, z in clouds.items()}
    edge = 1.05 * max(np.quantile(np.abs(xy), 0.999) for xy in placed.values())
    figure = Figure(figsize=(WIDTH, WIDTH / len(placed) + 0.6), dpi=DPI, facecolor="white")
    labels = view.split("test").y
    for ax, (name, xy) in zip(figure.subplots(1, len(placed), squeeze=False)[0], placed.items()):
        own = labels is not None and name.startswith("aggregate")
        colours = [colour(int(k)) for k in labels[:n]] if own else MUTED
        plain_axes(ax).scatter(*xy.T, s=4, c=colours, linewidths=0)
        ax.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
        ax.set_title(name, loc="left", fontsize=SMALL)
        which = "z_{}" if view.latent_dim == 2 else "principal component {} of q(z)"
        ax.set_xlabel(which.format(1), fontsize=SMALL)
        ax.set_ylabel(which.format(2), fontsize=SMALL)
    figure.tight_layout()
    return figure


def fitted(run):
    """The priors that `vaelab fit-prior` left in a run's folder, in numpy."""
    import yaml

    from vaelab.config.parts import part
    from vaelab.view.prior_view import NumpyPrior

    for place in sorted((run.folder.path / "fitted_priors").glob("*")):
        node = yaml.safe_load((place / "config.yaml").read_text(encoding="utf-8"))["prior"]
        prior = part(node, "prior", trusted=(), latent_dim=run.view.latent_dim)
        with np.load(place / "prior.npz") as arrays:
            yield NumpyPrior(prior, run.view.latent_dim, lambda: run.view.rng("plots", 9), dict(arrays))


if __name__ == "__main__":
    main(sys.argv[1:] or ["outputs"])
