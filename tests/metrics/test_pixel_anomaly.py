import numpy as np
import pytest
from fake_view import Spots, bright_spots
from sklearn.metrics import roc_auc_score

from vaelab.errors import NotApplicable
from vaelab.metrics.pixel_anomaly import pixel_anomaly


def scratched(masks=True):
    """Spots, half of them with a scratch and a mask of it."""
    x, y = bright_spots(120, (8, 8, 1), 4)
    strange = np.zeros(x.shape, np.uint8)
    strange[::2, 3:5, 2:6] = 255
    x = np.where(strange > 0, 255 - x // 2, x).astype(np.uint8)
    return Spots((x,), y, masks=strange if masks else None)


def test_auroc_of_the_pixels_is_that_of_scikit_learn():
    view = scratched()
    part = view.split("test")
    error = np.abs(part.images()[0] - view.decode(part.mean)[0]).mean(axis=-1)
    found = pixel_anomaly(view, split="test", bootstrap=50)["pixel_anomaly_auroc"]
    assert found.value == pytest.approx(roc_auc_score(part.masks.ravel() > 127, error.ravel()), abs=1e-3)
    assert 0 < found.se < 0.05 and "images against" in found.note


@pytest.mark.parametrize("masks", [False, "black"])
def test_without_masks_that_say_something_it_is_told(masks):
    view = scratched(masks=bool(masks))
    if masks:
        view.split("test").masks = np.zeros_like(view.split("test").masks)
    for function in (pixel_anomaly, pixel_anomaly.needs):
        with pytest.raises(NotApplicable, match="needs masks"):
            function(view, split="test", bootstrap=2)
