"""`vaelab plot run=R plot=[...]`: pictures of a finished run, saved in it; on=<dataset>: of other images."""

from vaelab.config.plain import plain
from vaelab.jobs import opening, results
from vaelab.records.tracking import update_results
from vaelab.system import paths
from vaelab.system.streams import output


def run(cfg) -> None:
    """Draws the chosen pictures and prints their files."""
    folder, stored = opening.finished_run(cfg)
    paths.output_folder("the run's figures", folder.path / "figures")
    plots = plain(cfg.get("plots"))
    view, on = opening.asked_view(cfg, folder, stored, plots, "plot")
    files = results.draw(
        view, plots, folder, trusted=stored["trusted"], strict=True,
        called=lambda name: f"{name}_on_{view.dataset.name}" if on else name,
    )  # fmt: skip
    update_results(folder, cfg.tracking.uri, cfg.output_dir)
    for file in files:
        output(str(file))
