"""`vaelab fit-prior run=R prior=mixture`: a prior fitted to the codes of a finished run, and what it changes."""

import logging

from vaelab.compute import seeds
from vaelab.config.parts import part
from vaelab.config.plain import plain
from vaelab.contracts import Prior, optional
from vaelab.errors import ConfigError
from vaelab.jobs import opening, results
from vaelab.system import tables
from vaelab.system.printing import plus_minus
from vaelab.system.streams import output

log = logging.getLogger(__name__)


def run(cfg) -> None:
    """Fits, then measures and draws with the run's own prior and with the fitted one; the run's numbers stay.

    The fitted prior, both lots of numbers and its settings go to fitted_priors/<option>/ in the run's folder, pictures
    to its figures.
    """
    folder, stored = opening.finished_run(cfg)
    node, metrics, plots = (plain(cfg.get(key)) for key in ("prior", "metrics", "plots"))
    view = opening.open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
    weights_epoch = view.weights_epoch
    prior = fitted(node, view, cfg, trusted=stored["trusted"])
    option, scores = optional(prior, Prior, "option"), {}
    for when, seen in (("before", view), ("after", view.with_prior(prior))):
        scores[when] = results.score(seen, metrics, weights_epoch=weights_epoch, trusted=stored["trusted"], strict=True)
        files = results.draw(
            seen, plots, folder, trusted=stored["trusted"], strict=True, called=lambda n, w=when: f"{n}_{option}_{w}"
        )
        for file in files:
            output(str(file))
    settings = {"prior": node, **{k: cfg[k] for k in ("epochs", "batch_size", "learning_rate", "seed")}}
    network = optional(prior, Prior, "exported")
    path = folder.save_fitted_prior(option, seen.prior.arrays, network and network(), settings, scores)
    output(f"{folder}, weights of epoch {weights_epoch}")
    output(compared(scores, view.prior.words, seen.prior.words))
    output(str(path))


def fitted(node: dict, view, cfg, *, trusted):
    """A prior of this configuration, fitted to one draw z ~ q(z|x) of each training image, new ones every epoch.

    Raises:
        ConfigError: it learns nothing, or is made of images.
    """
    import keras

    from vaelab.training.density import fit_density

    keras.utils.set_random_seed(seeds.sub_seed(cfg.seed, "init"))
    prior = part(node, "prior", trusted=trusted, latent_dim=view.latent_dim)
    option = optional(prior, Prior, "option")
    of_images = optional(prior, Prior, "connect") is not None
    if of_images or not optional(prior, Prior, "trainable_variables"):
        raise ConfigError(
            f"fit-prior fits a density to codes, and prior={option} is {'made of images' if of_images else 'fixed'}. "
            "Use prior=mixture or prior=realnvp."
        )
    train = view.split("train")

    def draw(epoch):
        rng = seeds.generator(cfg.seed, "order", epoch)
        return train.sample_posterior(1, rng)[0][rng.permutation(len(train))]

    if start_at := optional(prior, Prior, "start_at"):
        start_at(draw(0), seeds.generator(cfg.seed, "init", 2))
    losses = fit_density(prior, draw, epochs=cfg.epochs, batch_size=cfg.batch_size, learning_rate=cfg.learning_rate)
    log.info(
        f"-E log p(z) of {len(train):,} codes: {losses[0]:.3f} nats in the first epoch, {losses[-1]:.3f} in the last"
    )
    return prior


def compared(scores: dict, own: str, new: str) -> str:
    """The numbers with the run's own prior and with the fitted one, side by side."""
    rows = [("", f"before: {own}", f"after: {new}")]
    for name in sorted(scores["before"]):
        before, after = (_shown(scores[when].get(name)) for when in ("before", "after"))
        rows.append((name, before, after))
    return tables.table(rows, indent=2)[0]


def _shown(score: dict | None) -> str:
    return "-" if score is None or score["value"] is None else f"{score['value']:.4g} {plus_minus(score, 3)}".strip()
