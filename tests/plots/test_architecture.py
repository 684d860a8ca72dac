"""The networks of a run, and the draw of z between them."""

import pytest
from fake_view import spots

from vaelab.plots.architecture import _sampled, architecture


def test_z_is_sampled_below_the_last_layer_of_the_encoder():
    figure = architecture(spots(latent_dim=2, shape=(8, 8, 1)))
    level = {text.get_text(): text.get_position() for text in figure.texts}
    node = next(place for name, place in level.items() if name.startswith("sampling"))
    lowest = min(y for name, (x, y) in level.items() if abs(x - level["encoder"][0]) < 0.2 and "layers" not in name)
    assert node[0] == pytest.approx(level["encoder"][0]) and node[1] - lowest < 0.05
    assert "mean + std × eps,  eps ~ N(0, I)" in level
    implicit = architecture(spots(latent_dim=3, closed_form=False, shape=(8, 8, 1)))
    assert "3 latents" in [text.get_text() for text in implicit.texts]


@pytest.mark.parametrize(
    "networks,after",
    [
        (["encoder", "decoder"], "encoder"),
        (["encoder_1", "encoder_2", "posterior", "decoder_1", "decoder_2"], "posterior"),
        (["decoder"], None),
        (["classifier"], None),
    ],
)
def test_the_network_after_which_z_is_drawn(networks, after):
    assert _sampled(networks) == after
