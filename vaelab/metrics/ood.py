"""How well a run tells images it has never seen from its own."""

from vaelab.config.types import PositiveInt, Split, TwoOrMore
from vaelab.metrics.score import Score
from vaelab.metrics.separation import Separation, separation
from vaelab.metrics.stream import stream
from vaelab.metrics.subset import noted
from vaelab.scores.against import Against, against, check

_LIKELIHOODS = ("elbo", "distortion", "nll", "typicality")  # with the pixels' own entropy in them
_DARKER = 0.9  # of the own images' mean entropy


def ood(
    view,
    *,
    split: Split,
    on: list[str],
    scores: list[str] | None,
    images: PositiveInt | None,
    resize: bool,
    bootstrap: TwoOrMore,
) -> dict[str, Score]:
    """AUROC, AUPR and FPR at 95 % TPR of every score against every other kind of images, with bootstrap errors.

    Keys `ood_<images>_<score>_auroc`, `..._aupr`, `..._fpr95` (`separation`); strange images are the positives, and
    each score is turned so that larger is stranger. An AUROC below 1/2 says that the score finds these images more
    usual than the run's own. Where that is because they are darker (grey pixels under a Bernoulli) a note says so.

    Args:
        on: options of the group dataset, whose test images are prepared as the run's own, and foils made of these:
            noise, constant, flipped, flipped_horizontally, inverted, shuffled_patches.
        scores: options of the group score; null for all that apply but `nll` and `likelihood_regret`.
        images: how many of each at most, drawn at random; null for all.
        resize: make images of another size fit.
        bootstrap: resamplings.

    References:
        Hendrycks & Gimpel (2017); Nalisnick et al. (2019), Do deep generative models know what they don't know?
    """
    found = against(view, split=split, on=on, scores=scores, images=images, resize=resize, where="metrics.ood")
    own, result = len(found.own.images[0]), {}
    for name, group in found.others.items():
        rng = stream(view, f"ood {name}", split)
        judged = {
            s: separation(found.strange(found.own, s), found.strange(group, s), bootstrap, rng) for s in found.scores
        }
        others = len(group.images[0])
        fewer = None if others == own else f"against {others:,} others"
        for score, (numbers, errors) in judged.items():
            note = noted(fewer, _warning(view, found, name, score, judged), _rival(score, judged))
            for key in Separation._fields:
                value, error = getattr(numbers, key), getattr(errors, key)
                result[f"ood_{name}_{score}_{key}"] = Score(value, error, own, note=note if key == "auroc" else fewer)
    return result


def _warning(view, found: Against, name: str, score: str, judged: dict) -> str | None:
    """Why a score misleads, where it does because the other images are darker or brighter than grey."""
    if score not in _LIKELIHOODS or judged[score][0].auroc >= 0.5:
        return None
    own, other = (view.see(group.images).least_distortion() for group in (found.own, found.others[name]))
    if own is None or own.mean() < 1 or other.mean() > _DARKER * own.mean():
        return None
    better = f" ({judged['excess_distortion'][0].auroc:.3f})" if "excess_distortion" in judged else ""
    return (
        f"grey pixels under a Bernoulli cost their own entropy, {other.mean():.0f} nats an image here and "
        f"{own.mean():.0f} of the run's own, however well they come back: score=excess_distortion{better} takes it off"
    )


def _rival(score: str, judged: dict) -> str | None:
    """The best single score, beside the combination."""
    if score != "combined" or len(judged) < 2:
        return None
    best = max((s for s in judged if s != score), key=lambda s: judged[s][0].auroc)
    return f"the best single score is {best} with {judged[best][0].auroc:.3f}"


def _needs(view, *, on, **_) -> None:
    check(view, on=on, where="metrics.ood")


ood.needs = _needs
