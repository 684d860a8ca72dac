import numpy as np
import pytest

from vaelab.metrics.reconstruction import _ssim, reconstruction


def test_a_perfect_reconstruction(code_view):
    scores = reconstruction(code_view(np.random.default_rng(0).normal(size=(20, 3))), split="test")
    assert scores["mse"].value == 0 and scores["distortion_at_mean"].value == pytest.approx(1.5 * np.log(2 * np.pi))
    assert "psnr" not in scores  # these are no intensities


def test_mse_and_psnr_are_those_of_the_shift(code_view):
    view = code_view(np.random.default_rng(0).uniform(size=(20, 9)))
    view.data_kind = "grey"
    view.decode = lambda z: (z[:, None, :, None] + np.float32(0.1),)
    scores = reconstruction(view, split="test")
    assert scores["mse"].value == pytest.approx(0.01, rel=1e-4)
    assert scores["psnr"].value == pytest.approx(20, rel=1e-4)
    assert "ssim" not in scores  # images of one row


@pytest.mark.parametrize("size, radius", [(8, 3), (14, 5)])
def test_ssim_is_the_published_formula(size, radius):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(2, 2, size, size, 3))
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / 1.5) ** 2)
    window = np.outer(window, window) / window.sum() ** 2
    expected = np.zeros(2)
    places = size - 2 * radius
    for n in range(2):
        for i in range(places):
            for j in range(places):
                for c in range(3):
                    a, b = (v[n, i : i + 2 * radius + 1, j : j + 2 * radius + 1, c] for v in (x, y))
                    ma, mb = (window * a).sum(), (window * b).sum()
                    va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                    cov = (window * (a - ma) * (b - mb)).sum()
                    top, bottom = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4), (ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)
                    expected[n] += top / bottom / (3 * places**2)
    np.testing.assert_allclose(_ssim(x, y), expected, rtol=1e-10)
    np.testing.assert_allclose(_ssim(x, x), 1)


def test_views_are_averaged_and_kept_apart(code_view):
    view = code_view(np.random.default_rng(0).uniform(size=(20, 9)))
    view.n_views, part = 2, view.split("test")
    part.x = (part.x[0], part.x[0])
    view.decode = lambda z: (z[:, None, :, None], z[:, None, :, None] + np.float32(0.2))
    one = view.log_prob
    view.log_prob = lambda images, z: one(images[:1], z)
    scores = reconstruction(view, split="test")
    assert scores["mse"].value == pytest.approx(0.02, rel=1e-3)
    assert scores["mse_view_2"].value == pytest.approx(0.04, rel=1e-3)
