"""Images that are drawn or dropped on the page in Chromium: encoded as Keras does, and what is no image."""

import numpy as np
import pytest
from fake_run import FakeRun, code, opened, write
from pointing import tab

pytestmark = pytest.mark.slow
expect = pytest.importorskip("playwright.sync_api", reason='pip install "vaelab[test-all]"').expect


@pytest.mark.parametrize("more", [{}, {"conditional": True}, {"closed_form": False}], ids=["", "condition", "implicit"])
def test_the_encoder_in_the_page_equals_keras(page, tmp_path, more):
    run = FakeRun(n=60, shapes=((12, 12, 1),), **more)
    opened(page, write(run, tmp_path / "e.html", projections=["pca"]).as_uri())
    page.locator("body[data-encoder=ok]").wait_for(timeout=10_000)
    assert float(page.get_attribute("body", "data-encoder-difference")) < 1e-5
    x = run.split_.images(slice(3, 4))
    given = run.split_.given(slice(3, 4))
    found = page.evaluate(
        "([x, c]) => vaelab.measured(x, c)", [x[0].ravel().tolist(), [float(v) for c in given for v in c[0]]]
    )
    draws = np.array(found["draws"], np.float32)
    repeated = tuple(np.repeat(a, len(draws), axis=0) for a in (*x, *given))
    distortion = -run.log_prob(repeated, draws).mean()
    assert found["distortion"] == pytest.approx(distortion, rel=1e-5)
    if not run.closed_form:
        assert np.allclose(found["mean"], draws.mean(axis=0), atol=1e-5) and found["elbo"] is None
        return
    mean, std = run.encode((*x, *given))
    assert (
        np.abs(np.array(found["mean"]) - mean[0]).max() < 1e-5 and np.abs(np.array(found["std"]) - std[0]).max() < 1e-5
    )
    assert found["rate"] == pytest.approx(run.prior.rate_of_moments(mean, std).sum(), rel=1e-5)
    assert found["elbo"] == pytest.approx(-found["distortion"] - found["rate"])
    assert np.abs(np.array(found["picture"]) - run.flat(mean, *given)).max() < 1e-5


def strokes(page, *lines):
    """Draws on the pad; points in shares of its side."""
    box = page.locator(".pad").bounding_box()
    for line in lines:
        for k, (x, y) in enumerate(line):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not k:
                page.mouse.down()
        page.mouse.up()
    page.wait_for_timeout(400)


def drawn_run():
    """A run whose images are drawn like MNIST's: a bar of 20 pixels, centred."""
    run = FakeRun(n=60)
    x = np.zeros((60, 28, 28, 1), np.float32)
    x[:, 4:24, 12:16] = 1
    run.split_.x = (x,)
    return run


def test_a_drawing_is_scaled_and_centred_as_the_data_are(page, tmp_path):
    opened(page, write(drawn_run(), tmp_path / "e.html", projections=["pca"]).as_uri())
    rule = page.evaluate("vaelab.facts.drawing[0]")
    assert rule.pop("pen") == pytest.approx(3.3, abs=0.1)
    assert rule == {"ground": 0, "ink": 1, "box": 20, "centre": [13.5, 13.5]}
    tab(page, "Encode")
    strokes(page, [(0.1, 0.1), (0.1, 0.2), (0.1, 0.3)])  # small, in a corner
    image = np.array(page.evaluate("vaelab.encoded.image")).reshape(28, 28)
    rows, columns = np.flatnonzero((image > 0.3).any(axis=1)), np.flatnonzero((image > 0.3).any(axis=0))
    assert 18 <= rows[-1] - rows[0] + 1 <= 21 and len(columns) in (3, 4)
    mass = image.sum()
    assert np.arange(28) @ image.sum(axis=1) / mass == pytest.approx(13.5, abs=0.15)
    assert np.arange(28) @ image.sum(axis=0) / mass == pytest.approx(13.5, abs=0.15)
    expect(page.locator("#terms")).to_contain_text("elbo")
    assert np.allclose(code(page), page.evaluate("vaelab.encoded.mean"))
    page.click("#pad-clear")
    expect(page.locator("#encoded")).to_be_hidden()
    assert page.problems == []


def test_files_that_are_no_pictures_get_a_sentence_and_pictures_are_encoded(page, tmp_path):
    from PIL import Image

    opened(page, write(drawn_run(), tmp_path / "e.html", projections=["pca"]).as_uri())
    tab(page, "Encode")
    name = "<img src=x onerror=alert(1)>.png"
    page.set_input_files("#pad-file", {"name": name, "mimeType": "image/png", "buffer": b"nothing"})
    expect(page.locator("#pad-told")).to_have_text(f"{name} is no picture that this browser can read.")
    page.set_input_files("#pad-file", {"name": "large.png", "mimeType": "image/png", "buffer": bytes(21_000_000)})
    expect(page.locator("#pad-told")).to_contain_text("large.png is 21 MB large")
    paper = np.full((300, 200), 255, np.uint8)
    paper[100:140, 60:64] = 20  # dark ink on white paper
    Image.fromarray(paper).save(tmp_path / "p.png")
    page.set_input_files("#pad-file", tmp_path / "p.png")
    expect(page.locator("#pad-told")).to_have_text("")
    page.wait_for_timeout(400)
    image = np.array(page.evaluate("vaelab.encoded.image")).reshape(28, 28)
    rows = np.flatnonzero((image > 0.3).any(axis=1))
    assert image[0, 0] < 0.1 and image.max() > 0.5 and 18 <= rows[-1] - rows[0] + 1 <= 22
    assert page.problems == []
