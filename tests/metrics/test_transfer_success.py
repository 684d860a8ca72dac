"""The success rate of background transfer on views whose transfer is known."""

import numpy as np
import pytest
from fake_view import FakeSplit, FakeView

from vaelab.errors import ConfigError
from vaelab.metrics.background_transfer import background_transfer

PLAIN = {"split": "test", "method": "iterate", "start": "backgrounds", "iterations": 2, "source_view": 1,
         "images": None, "judge_images": 400}  # fmt: skip
SHAPE = (4, 4, 1)


class KnownView(FakeView):
    """Images whose first row of pixels says the class and whose last row the background; codes are these two.

    Args:
        keeps: whether decoding keeps the class; changes: whether it shows the background of the target.
    """

    def __init__(self, keeps=True, changes=True):
        parts = {"private_1": slice(0, 1), "private_2": slice(1, 2), "shared": slice(2, 3)}
        super().__init__(latent_dim=3, data_shapes=(SHAPE, SHAPE), name="known", parts=parts)
        self.keeps, self.changes = keeps, changes
        rng = np.random.default_rng(0)
        for name in ("train", "test"):
            y = rng.integers(3, size=600)
            tags = np.stack([rng.integers(2, size=600), 2 + rng.integers(2, size=600)], axis=1)
            x = tuple(self._image(y, tags[:, v]) for v in (0, 1))
            self._splits[name] = FakeSplit(self, name, *self.encode(x), x=x, y=y, tags=tags)

    def _image(self, y, tag):
        out = np.zeros((len(y), *SHAPE), np.float32)
        out[:, 0, :3, 0], out[:, 3, :, 0] = np.eye(3)[np.asarray(y, int)], np.eye(4)[np.asarray(tag, int)]
        return out

    def encode(self, images):
        first, second = images
        y = first[:, 0, :3, 0].argmax(axis=1)
        code = np.stack([first[:, 3, :, 0].argmax(axis=1), second[:, 3, :, 0].argmax(axis=1), y], axis=1)
        return code.astype(np.float32), np.ones_like(code, np.float32)

    def decode(self, z):
        y = z[:, 2] if self.keeps else (z[:, 2] + 1) % 3
        tag = z[:, 1] if self.changes else z[:, 0]
        return self._image(y, z[:, 0]), self._image(y, tag)


@pytest.mark.parametrize("method", ["iterate", "splice"])
@pytest.mark.quick(1)
def test_perfect_and_failing_transfers(method):
    def values(**how):
        scores = background_transfer(KnownView(**how), **{**PLAIN, "method": method})
        key = "transfer_splice" if method == "splice" else "transfer"
        assert scores[f"{key}_judge_digit"].value == scores[f"{key}_judge_background"].value == 1
        return [scores[f"{key}_{k}"].value for k in ("digit", "background", "success")]

    assert values() == [1, 1, 1]
    assert values(keeps=False) == [0, 1, 0]
    assert values(changes=False) == [1, 0, 0]


def test_from_zeros_no_background_is_wanted():
    scores = background_transfer(KnownView(), **{**PLAIN, "start": "zeros"})
    assert "transfer_zeros_background" not in scores and scores["transfer_zeros_success"].value == 1
    with pytest.raises(ConfigError, match=r"start=zeros goes with method=iterate"):
        background_transfer(KnownView(), **{**PLAIN, "start": "zeros", "method": "splice"})


def test_without_tags_it_is_refused(code_view):
    view = KnownView()
    for part in view._splits.values():
        part.tags = None
    with pytest.raises(ConfigError, match="needs images with classes and with tags"):
        background_transfer(view, **PLAIN)
    with pytest.raises(ConfigError, match="needs a model of two views"):
        one = code_view(np.zeros((5, 2)))
        one.n_views = 1
        background_transfer(one, **PLAIN)


def test_the_other_direction_has_keys_of_its_own():
    scores = background_transfer(KnownView(), **{**PLAIN, "source_view": 2})
    assert set(scores) >= {"transfer_to_1_digit", "transfer_to_1_background", "transfer_to_1_success"}
    # this view reads the class off view 1, which is now the target and shows none at first
    assert scores["transfer_to_1_background"].value == 1 and scores["transfer_to_1_digit"].value < 0.5
