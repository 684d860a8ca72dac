"""What a user may call an image, a class, a latent."""

import numpy as np
import pytest
from fake_view import spots

from vaelab.errors import ConfigError
from vaelab.plots import choose


def test_class_names_are_found_however_they_are_typed():
    view = spots(n_classes=3, shape=(8, 8, 1))
    view.class_names = ("T-shirt/top", "Ankle boot", "7")
    for typed, number in {"t_shirt_top": 0, "T-shirt/top": 0, "ANKLE BOOT": 1, "7": 2, "1": 1, 0: 0}.items():
        assert choose.class_number(view, typed, "x") == number
    with pytest.raises(ConfigError, match="Did you mean 'ankle_boot'"):
        choose.class_number(view, "ankleboot", "x")


def test_random_rows_differ_between_pictures_and_repeat_within_one():
    view = spots(shape=(8, 8, 1))
    part = view.split("test")
    rows = choose.random_rows(view, part, 10, "a")
    assert len(set(rows)) == 10 and np.array_equal(rows, choose.random_rows(view, part, 10, "a"))
    assert not np.array_equal(rows, choose.random_rows(view, part, 10, "b"))
    assert len(choose.random_rows(view, part, 10_000, "a")) == len(part)


def test_importance_without_closed_form_is_the_spread_of_the_means():
    view = spots(latent_dim=3, shape=(8, 8, 1), closed_form=False)
    value, unit = choose.importance(view, view.split("test"))
    assert unit != "nats" and np.allclose(value, view.split("test").mean.std(axis=0), atol=1e-5)


@pytest.mark.slow
def test_latents_of_several_views_say_their_part():
    assert choose.latent_name(spots(latent_dim=6, shape=(8, 8, 1), n_views=2), 5) == "z5 shared"
    assert choose.latent_name(spots(latent_dim=6, shape=(8, 8, 1)), 5) == "z5"
