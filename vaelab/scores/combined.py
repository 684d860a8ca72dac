"""Several scores as one."""

import numpy as np

from vaelab.errors import DataError, NotApplicable
from vaelab.scores.measure import Ranks, by_name, measured


def combined(view, *, of: list[str]):
    """-sum_k log p_k, p_k the share of the run's own validation images as strange to score k; larger is stranger.

    p_k = (1 + #{validation images at least as strange}) / (1 + their number): ranks alone count, so that scores of any
    unit go together, and no image from elsewhere is needed. Of independent scores it would be Fisher's method; as they
    are not, its value is no p-value, but orders images as well. It costs what its scores cost.

    Args:
        of: options of the group score, as their yaml sets them; those that apply to the run count.

    References:
        Fisher (1925), Statistical Methods for Research Workers, section 21.1; Bates, Candes, Lei, Romano & Sesia
        (2023), Testing for outliers with conformal p-values.
    """
    try:
        known = view.split("validation").inputs()
    except DataError:
        raise NotApplicable(
            "score=combined ranks images among the run's validation images, and this run has none. Train with "
            "trainer.validation=split, or use single scores."
        ) from None
    scores = by_name(of, view, "scores.combined.of", applying=True)
    ranks = {name: Ranks(values, scores[name].sign) for name, values in measured(view, scores, known).items()}
    return lambda seen: -sum(np.log(ranks[name].p_value(score.of(seen))) for name, score in scores.items())
