"""A sweep's page: latents matched from member to member, one decoder each, one file."""

import json
import re

import numpy as np
import pytest
from fake_run import FakeRun, shown_pixels

from vaelab.errors import ConfigError, RunError
from vaelab.explorer import build, sweep
from vaelab.explorer.sweep import Member, align


def aligned_codes(mean, order, sign):
    return np.where(order < 0, 0, mean[:, np.maximum(order, 0)]) * sign


def test_latents_are_matched_whatever_their_order_and_signs():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(300, 4)) * [3, 2, 1, 0.5]
    order, sign = np.array([2, 0, 3, 1]), np.array([-1, 1, -1, 1])
    second = first[:, order] * sign
    (one, two), residuals = align([first, second])
    assert np.allclose(aligned_codes(first, *one), aligned_codes(second, *two))
    assert residuals == pytest.approx([0, 0], abs=1e-9)


def test_the_residual_is_the_variance_that_the_match_leaves():
    rng = np.random.default_rng(1)
    z, noise = rng.normal(size=(2, 20_000, 1))
    _, (_, residual) = align([z, 0.6 * z + 0.8 * noise])
    assert residual == pytest.approx(1 - 0.6**2, abs=0.02)


def test_members_with_fewer_latents_leave_places_empty():
    z = np.random.default_rng(2).normal(size=(100, 3))
    found, _ = align([z[:, :2], z, z[:, [2]]])
    assert [sorted(order.tolist()) for order, _ in found] == [[-1, 0, 1], [0, 1, 2], [-1, -1, 0]]
    a, b, c = (aligned_codes(m, *f) for m, f in zip((z[:, :2], z, z[:, [2]]), found))
    assert np.allclose(a[:, :2], b[:, :2]) and np.allclose(c[:, 2], b[:, 2]) and not c[:, :2].any()


def test_a_latent_out_of_use_is_no_trouble():
    z = np.random.default_rng(3).normal(size=(50, 2)) * [1, 0]
    _, residuals = align([z, z])
    assert residuals == pytest.approx([0, 0])


@pytest.fixture(scope="module")
def members():
    """Three decoders; the second's latents are the first's in another order."""
    runs = [FakeRun(latent_dim=3, n=60, shapes=((12, 12, 1),)) for _ in range(3)]
    orders = ([0, 1, 2], [2, 0, 1], [0, 1, 2])
    numbers = [{"elbo": -30.0 - k, "rate": 9.0 - k, "distortion": 21.0 + 2 * k} for k in range(3)]
    labels = ("0.5", "1", "</script><b>")
    told = zip(labels, runs, orders, numbers)
    return runs[0], [Member(label, f"run=outputs/{label}", r.codes[:, o], r.decoder, n) for label, r, o, n in told]


def test_weights_in_half_precision_where_images_stay_alike(members):
    view, runs = members
    z, decoder = view.codes[:3], runs[0].decoder
    wanted = view.flat(z)
    assert sweep.converted(decoder, z, wanted, np.ones(144))[1]
    assert not sweep.converted(decoder, z, wanted, np.full(144, 1e-6))[1]
    assert np.array_equal(view.flat(z), wanted)  # the decoder itself is as it was


def test_a_page_that_is_too_large_says_how_many_fit(members, monkeypatch):
    monkeypatch.setattr(build, "LIMIT", 1_000_000)
    with pytest.raises(ConfigError, match=r"with 3 members.*explore.members=1"):
        sweep.page(members[1], members[0], title="betas", axis="beta")


def test_a_sweep_with_nothing_to_slide_along_is_told(tmp_path):
    from vaelab.jobs import sweep_page
    from vaelab.records.sweep_folder import SweepFolder

    made = SweepFolder(tmp_path / "s")
    made.update_record(command="vaelab train -m beta=1", jobs={}, started=1.0)
    with pytest.raises(RunError, match="fewer than two finished members"):
        sweep_page.page(made, most=12, opened=None, accept_changed_data=False)


@pytest.mark.slow
def test_the_page_moves_codes_and_pictures_together(members, page, tmp_path):
    view, runs = members
    html, _ = sweep.page(runs, view, title="betas <i>", axis="beta")
    (tmp_path / "s.html").write_bytes(html)
    page.context.set_offline(True)
    page.goto((tmp_path / "s.html").as_uri())
    page.locator("body[data-samples]").wait_for(timeout=60_000)
    assert page.get_attribute("body", "data-ready") == "ok" and page.problems == [] and len(page.requests) == 1
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', html.decode(), re.DOTALL).group(1))
    a, b = (np.array(page.evaluate(f"vaelab.codeOf({k}, 7)")) for k in (0, 1))
    assert np.allclose(a, b, atol=2e-3)  # aligned
    z = view.codes[facts["rows"][7]][None]
    got = np.array(page.evaluate("([k, z]) => vaelab.decode(k, z)", [0, a.tolist()]))
    assert np.abs(got - view.flat(z)).max() < 1.5 / 255
    page.evaluate("vaelab.choose(7)")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="beta 1", exact=True).click()
    page.wait_for_timeout(200)
    own = view.codes[facts["rows"][7]][[2, 0, 1]][None]
    want = runs[1].decoder(own, training=False)
    assert np.abs(shown_pixels(page, "#again") - np.asarray(want)[0] * 255).max() < 2
    assert "distortion" in page.inner_text("#numbers") and "23.00 nats" in page.inner_text("#numbers")
    page.locator("#swept").focus()
    page.keyboard.press("Home")
    assert page.inner_text("#swept-value") == "0.5" and page.locator("#stops b").count() == 0
    for ticks, name, axis in zip(page.evaluate("vaelab.ticksOfCurve(400, 240)"), ("rate", "distortion"), (0, 1)):
        values, places = np.array([float(text) for text, _ in ticks]), np.array([at for _, at in ticks])
        assert len(ticks) >= 3  # and every member lies where the ticks say
        found = np.array(page.evaluate("vaelab.onCurve(400, 240)"))[:, axis]
        slope, zero = np.polyfit(values, places, 1)
        assert np.allclose(found, zero + slope * np.array([m.numbers[name] for m in runs]))
    axe = pytest.importorskip("axe_playwright_python.base", reason='pip install "vaelab[test-all]"').AXE_SCRIPT
    page.evaluate(axe)
    script = "async () => (await axe.run(document)).violations.map(v => [v.id, v.nodes[0].html.slice(0, 160)])"
    assert page.evaluate(script) == []
