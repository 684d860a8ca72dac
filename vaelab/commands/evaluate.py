"""`vaelab evaluate run=R metric=[...]`: numbers of a finished run, saved in it; on=<dataset>: on other images."""

import logging

from vaelab.config.plain import plain
from vaelab.errors import RunError
from vaelab.jobs import opening, results
from vaelab.records.tracking import update_results
from vaelab.system.streams import document, output

log = logging.getLogger(__name__)


def run(cfg) -> int:
    """Computes the chosen metrics, prints them and saves them; exit code 1 where they cannot be saved."""
    folder, stored = opening.finished_run(cfg)
    metrics = plain(cfg.get("metrics"))
    view, on = opening.asked_view(cfg, folder, stored, metrics, "metric")
    by_image = {}
    scores = results.score(
        view, metrics, weights_epoch=view.weights_epoch, trusted=stored["trusted"], strict=True, by_image=by_image,
        on=on and view.dataset.name,
    )  # fmt: skip
    document(run=str(folder), weights_epoch=view.weights_epoch, scores=scores)
    output(f"{folder}, weights of epoch {view.weights_epoch}")
    output(results.table(scores))
    try:
        folder.add_metrics(scores, by_image)
    except (OSError, RunError) as error:
        told = f"these numbers were not saved in the run: {error}"
        log.error(told)
        document(error=told)
        return 1
    update_results(folder, cfg.tracking.uri, cfg.output_dir)
    return 0
