"""`vaelab evaluate run=R metric=[...]`: numbers of a finished run, written back into it."""

from omegaconf import OmegaConf

from vaelab.commands import opening, results


def run(cfg) -> int:
    """Computes the chosen metrics and prints them."""
    folder, stored = opening.finished_run(cfg)
    opening.start_backend(stored)
    _, _, view, weights_epoch = opening.open_view(folder, stored)
    metrics = OmegaConf.to_container(cfg.get("metrics") or {}, resolve=True)
    scores = results.score(view, metrics, weights_epoch=weights_epoch, trusted=stored["trusted"], strict=True)
    folder.add_metrics(scores)
    from vaelab.tracking import update_results

    update_results(folder, cfg.tracking.uri, cfg.output_dir)
    print(f"{folder}, weights of epoch {weights_epoch}")
    print(results.table(scores))
    return 0
