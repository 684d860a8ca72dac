"""What a score asks of a run."""

from functools import partial

from vaelab.errors import NotApplicable


def density(view, *, score: str, **_) -> None:
    """NotApplicable where q(z|x) has no density, so that there is no ELBO of an image.

    Args:
        score: who asks, for the message.
    """
    if not view.has_density:
        raise NotApplicable(
            f"score={score} needs the density of q(z|x), which this run's posterior does not have. Use "
            "score=[distortion,mahalanobis,knn]."
        )


def of(score: str):
    """`density` as the `needs` of a score."""
    return partial(density, score=score)
