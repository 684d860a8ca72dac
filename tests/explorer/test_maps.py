"""Maps of the page in Chromium: ways from A to B, lines of density, three latents, the epochs that training kept."""

from urllib.parse import parse_qs

import numpy as np
import pytest
from fake_run import FakeRun, code, opened, shown_pixels, write
from pointing import at, codes_in, go, painted, tab

pytestmark = pytest.mark.slow
expect = pytest.importorskip("playwright.sync_api", reason='pip install "vaelab[test-all]"').expect


def test_the_way_from_a_to_b_is_straight_where_the_map_is_linear_and_leads_through_images_elsewhere(page, html, run):
    opened(page, html.as_uri())
    z = codes_in(page, run)
    page.select_option("#axes", label="PCA")
    places = np.array(page.evaluate("vaelab.place")).reshape(-1, 2)
    exact = np.array([list(page.evaluate("z => vaelab.placeOf(z)", z[i].tolist()).values()) for i in (0, 7)])
    assert np.allclose(exact, places[[0, 7]], atol=5e-3)  # codes travel as halves
    go(page, 3)
    page.focus("#plot")
    page.keyboard.press("a")
    go(page, 50)
    page.focus("#plot")
    page.keyboard.press("b")
    tab(page, "Interpolate")
    path = np.array([list(p.values()) for p in page.evaluate("vaelab.placesOfPath()")])
    assert np.allclose(path, path[0] + np.linspace(0, 1, 41)[:, None] * (path[-1] - path[0]), atol=1e-4)
    page.select_option("#axes", label="t-SNE")
    expect(page.locator("#hint")).to_contain_text("through the images that lie nearest")
    places = np.array(page.evaluate("vaelab.place"), float).reshape(-1, 2)
    on_map = np.flatnonzero(np.isfinite(places[:, 0]))
    steps = z[3] + np.linspace(0, 1, 41)[:, None] * (z[50] - z[3])
    nearest = on_map[((steps[:, None] - z[None, on_map]) ** 2).sum(axis=2).argmin(axis=1)]
    passed = [i for k, i in enumerate(nearest) if not k or i != nearest[k - 1]]
    path = np.array([list(p.values()) for p in page.evaluate("vaelab.placesOfPath()")])
    assert len(passed) > 2 and np.allclose(path, places[passed])


def test_lines_of_density_hold_the_share_they_say(page, html, run):
    opened(page, html.as_uri())
    page.select_option("#axes", "latent")
    painted(page)
    page.click("#density")
    assert painted(page)[1] > 0 and page.get_attribute("#density", "aria-pressed") == "true"
    rows = page.evaluate("vaelab.facts.rows")
    places = np.array(page.evaluate("vaelab.place")).reshape(-1, 2)
    lines = page.evaluate("vaelab.contours")
    assert sorted([line["value"], line["share"]] for line in lines) == [[v, s] for v in range(3) for s in (0.5, 0.9)]
    for k, line in enumerate(lines):
        own = places[run.y[rows] == line["value"]]
        inside = page.evaluate("([k, all]) => all.map(([x, y]) => vaelab.inContour(k, x, y))", [k, own.tolist()])
        assert np.mean(inside) == pytest.approx(line["share"], abs=0.12)
    page.select_option("#colour", label="none")
    assert [line["value"] for line in page.evaluate("vaelab.contours")] == [None, None]
    page.wait_for_timeout(500)
    assert "density=1" in page.url


def test_three_latents_turn_and_a_point_is_picked(page, html, run):
    at(page, html, map="three", x=2, y=0, w=4, turn="0~0")
    z, size = codes_in(page, run), page.evaluate("vaelab.camera")
    expect(page.locator("#axis-z")).to_have_value("4")
    places = lambda: np.array(page.evaluate("vaelab.place")).reshape(-1, 2)  # noqa: E731
    straight = places()
    assert np.allclose(straight - straight.mean(axis=0), z[:, [2, 0]] - z[:, [2, 0]].mean(axis=0), atol=1e-4)
    page.focus("#plot")
    for _ in range(18):  # 90 degrees to the left: the third latent lies across
        page.keyboard.press("ArrowLeft")
    turned = places()
    assert np.allclose(turned[:, 1], straight[:, 1], atol=1e-4)
    assert abs(np.corrcoef(turned[:, 0], z[:, 4])[0, 1]) > 0.9999
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 380, box["y"] + 260, steps=4)
    page.mouse.up()
    now, angles = places(), page.evaluate("vaelab.turned")
    assert angles["yaw"] != pytest.approx(np.pi / 2, abs=0.05) and not np.allclose(now, turned)
    i = int(((now - now.mean(axis=0)) ** 2).sum(axis=1).argmax())  # an outer point, which none hides
    x = box["x"] + size["width"] / 2 + (now[i, 0] - size["x"]) * size["scale"]
    y = box["y"] + size["height"] / 2 - (now[i, 1] - size["y"]) * size["scale"]
    page.mouse.click(x, y)
    assert page.evaluate("vaelab.current.example") == i and np.allclose(code(page), z[i])
    assert page.evaluate("vaelab.current.pinned") and page.get_by_text("Decoder", exact=True).is_hidden()
    page.wait_for_timeout(500)
    at_turn = [float(v) for v in parse_qs(page.url.partition("#")[2])["turn"][0].split("~")]
    assert at_turn == pytest.approx([angles["yaw"], angles["pitch"]], rel=1e-4)
    scale = page.evaluate("vaelab.camera.scale")
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(100)
    assert page.evaluate("vaelab.camera.scale") > scale and page.problems == []


def test_a_finger_turns_three_latents_two_zoom_and_a_tap_picks(browser, html, run):
    page = browser.new_page()
    try:
        page.set_viewport_size({"width": 390, "height": 780})
        at(page, html, map="three", turn="0.6~0.4")
        box, session = page.locator("#plot").bounding_box(), browser.new_cdp_session(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def touch(kind, *points):
            fingers = [{"x": x + dx, "y": y + dy, "id": k} for k, (dx, dy) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        before = page.evaluate("vaelab.camera.scale")
        for kind, *points in (("touchStart", (0, 0)), ("touchMove", (30, 20)), ("touchMove", (60, 40)), ("touchEnd",)):
            touch(kind, *points)
        turned = page.evaluate("vaelab.turned")
        assert turned["yaw"] < 0.5 and turned["pitch"] > 0.5 and page.evaluate("vaelab.camera.scale") == before
        both = (
            ("touchStart", (-30, 0)),
            ("touchStart", (-30, 0), (30, 0)),
            ("touchMove", (-60, 0), (60, 0)),
            ("touchEnd",),
        )
        for kind, *points in both:
            touch(kind, *points)
        assert page.evaluate("vaelab.camera.scale") == pytest.approx(2 * before, rel=0.01)
        assert page.evaluate("vaelab.turned") == turned
        page.evaluate("vaelab.setCode(new Float32Array(6))")
        touch("touchStart", (10, 0))
        touch("touchEnd")
        page.wait_for_timeout(300)
        assert page.evaluate("vaelab.current.example") is not None and page.evaluate("vaelab.current.pinned")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.close()


@pytest.fixture(scope="module")
def framed(tmp_path_factory):
    """(page, run, rows) of a run that kept epochs: codes that grow, flat pictures whose grey says the epoch."""
    run = FakeRun(n=90, shapes=((12, 12, 1),))
    rows = np.random.default_rng(2).permutation(90)[:40]
    grey = lambda n, level: np.full((n, 12, 12, 1), level, np.uint8)  # noqa: E731
    run._frames = [
        (e, {"codes": run.codes[rows] * e / 4, "code_rows": rows, "rows": rows[:3], "samples_0": grey(5, 40 + 50 * e),
             "reconstructions_0": grey(3, 20 + 50 * e)})
        for e in (0, 1, 3)
    ]  # fmt: skip
    return write(run, tmp_path_factory.mktemp("framed") / "e.html", projections=["pca"]), run, rows


def test_the_map_moves_through_the_epochs_that_were_kept(page, framed):
    path, run, rows = framed
    opened(page, path.as_uri())
    page.select_option("#axes", "latent")
    order = page.evaluate("vaelab.facts.rows")
    slider = page.locator("#epoch")
    assert page.inner_text("#epoch-value") == "finished"
    page.locator("body[data-epochs=ok]").wait_for()
    finished = page.evaluate("vaelab.place")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    assert page.inner_text("#epoch-value") == "epoch 3" and slider.get_attribute("aria-valuetext") == "epoch 3"
    found = np.array([np.nan if v is None else v for v in page.evaluate("vaelab.place")], float).reshape(-1, 2)
    assert set(np.flatnonzero(np.isfinite(found[:, 0]))) == {order.index(r) for r in rows}
    dims = [int(page.input_value(f"#axis-{a}")) for a in "xy"]
    for r in rows:
        assert np.allclose(found[order.index(r)], run.codes[r, dims] * 0.75, atol=2e-3)
    expect(page.locator("#hint")).to_contain_text("codes of 40 images at epoch 3")
    tab(page, "Training")
    page.wait_for_timeout(200)
    assert page.locator("#kept-images figure").count() == 3 and page.locator("#kept-samples figure").count() == 5
    assert np.abs(shown_pixels(page, "#kept-samples canvas").astype(int) - 190).max() <= 3
    again = shown_pixels(page, "#kept-images figure:first-child .views:last-child canvas").astype(int)
    assert np.abs(again - 170).max() <= 3
    page.wait_for_timeout(500)
    address = page.url
    assert "epoch=3" in address
    page.keyboard.press("Shift")
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    assert page.evaluate("vaelab.place") == finished
    page.get_by_role("button", name="Play the training").click()
    page.wait_for_timeout(300)
    assert 0 <= page.evaluate("vaelab.epoch") < 3
    page.goto("about:blank")
    opened(page, address)
    expect(page.locator("#epoch-value")).to_have_text("epoch 3")
    assert page.problems == []


def test_a_run_that_kept_no_epochs_has_no_slider(page, html):
    opened(page, html.as_uri())
    assert page.locator("#training").is_hidden() and page.locator("#tab-training").is_hidden()


@pytest.mark.parametrize("width,scheme", [(1280, "dark"), (390, "light")])
def test_axe_finds_nothing_in_three_latents_and_training(page, framed, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.base", reason='pip install "vaelab[test-all]"').AXE_SCRIPT
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    at(page, framed[0], map="three", epoch=1, tab="training", density=1)
    expect(page.locator("#epoch-value")).to_have_text("epoch 1")
    expect(page.locator("#kept-samples figure")).to_have_count(5)
    page.evaluate(axe)
    script = "async () => (await axe.run(document)).violations.map(v => [v.id, v.nodes[0].html.slice(0, 160)])"
    assert page.evaluate(script) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and page.problems == []
