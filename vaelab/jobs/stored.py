"""What is known of a run without its weights: enough to refuse a metric or picture that cannot work."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from vaelab.compute import normal
from vaelab.conditions.columns import Columns
from vaelab.config.folders import says_what_was_meant
from vaelab.contracts import Prior, Structure, has_density, optional
from vaelab.errors import RunError

LEVELS = "vaelab.structures.two_level.TwoLevel"  # whose q(z|x) is no Gaussian where its parts are


class NotStored(Exception):
    """A fact that is not known yet, or does not lie in the folder."""


class Known:
    """The part of a `LatentView`, or of one of its splits, that is known; what is not raises `NotStored`."""

    def __init__(self, **facts):
        self.__dict__.update(facts)

    def __getattr__(self, name: str) -> Any:
        raise NotStored(name)

    def __len__(self) -> int:
        return self.n


def stored_view(folder) -> Known:
    """What lies in a run's folder.

    Args:
        folder: the `RunFolder`.
    """

    def split(name: str) -> Known:
        """Codes, labels and terms of one split; None where the run has no such values.

        `rate_per_latent`, KL(q(z_d|x) || N(0, 1)) in nats, (N, D), is known where p(z) is N(0, I).
        """
        try:
            found = folder.read_codes(name)
        except RunError as error:
            raise NotStored(str(error)) from None
        if "mean" not in found:
            raise NotStored(name)
        facts = {key: found.get(key) for key in ("mean", "std", "z", "y", "tags", "factors", "distortion")}
        facts["has_density"] = "rate" in found  # else the rate is a critic's
        cfg = folder.read_config()
        if not facts["has_density"] or cfg["structure"]["_target_"] == LEVELS:
            facts |= {"closed_form": False, "rate_per_latent": None}
        elif cfg["posterior"]["_target_"] == "vaelab.posteriors.gaussian.Gaussian":
            facts["closed_form"] = True  # of a posterior of one's own it is not stored
            if says_what_was_meant("prior", cfg):
                facts["rate_per_latent"] = normal.rate(found["mean"], found["std"])
        return Known(name=name, n=len(found["distortion"]), **facts)

    known = folder.read_condition()
    condition = None if known is None else Columns(known["option"], known["fields"])
    view = Known(split=split, condition=condition, frames=lambda: [(epoch, {}) for epoch in folder.frame_files()])
    with suppress(NotStored):
        test = split("test")
        vars(view).update(latent_dim=test.mean.shape[1], has_density=test.has_density)
        vars(view)["closed_form"] = test.closed_form
    return view


def planned_view(structure, dataset) -> Known:
    """What is known before training: of the latents, and labels.

    Args:
        structure: the model's.
        dataset: the `Dataset`.
    """
    prior = structure.prior
    several_levels = optional(structure, Structure, "levels") > 1
    rate_is_known = structure.closed_form and optional(prior, Prior, "rate") is not None

    def split(name: str) -> Known:
        part, facts = dataset.split(name), {} if rate_is_known else {"rate_per_latent": None}
        return Known(name=name, n=len(part), y=part.y, factors=part.factors, tags=part.tags, **facts)

    return Known(
        latent_dim=structure.latent_dim, closed_form=structure.closed_form,
        has_density=has_density(structure, Structure), parts=dict(structure.latent_parts),
        prior=SimpleNamespace(option=optional(prior, Prior, "option"), redraw=several_levels or None), split=split,
        condition=dataset.condition, n_views=len(dataset.shapes),
        class_names=tuple(dataset.class_names), tag_names=tuple(dataset.tag_names),
        factor_names=tuple(dataset.factor_names), factor_sizes=tuple(dataset.factor_sizes),
    )  # fmt: skip
