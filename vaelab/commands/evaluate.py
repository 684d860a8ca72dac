"""`vaelab evaluate run=R metric=[...]`: numbers of a finished run, written back into it."""

from omegaconf import OmegaConf

from vaelab.commands import opening, results
from vaelab.commands.stored import StoredView


def run(cfg) -> int:
    """Computes the chosen metrics and prints them."""
    folder, stored = opening.finished_run(cfg)
    metrics = OmegaConf.to_container(cfg.get("metrics") or {}, resolve=True)
    results.check(StoredView(folder), metrics, trusted=stored["trusted"])
    opening.start_backend(stored)
    _, _, view, weights_epoch = opening.open_view(folder, stored)
    scores = results.score(view, metrics, weights_epoch=weights_epoch, trusted=stored["trusted"], strict=True)
    folder.add_metrics(scores)
    from vaelab.tracking import update_results

    update_results(folder)
    print(f"{folder}, weights of epoch {weights_epoch}")
    print(results.table(scores))
    return 0
