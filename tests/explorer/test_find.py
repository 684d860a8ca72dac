"""Examples found on the page in Chromium: by number, name, line, address and finger; what a notebook hears of them."""

import base64
from pathlib import Path

import numpy as np
import pytest
from fake_run import code, opened, shown_pixels
from pointing import codes_in, go, settled, tab

pytestmark = pytest.mark.slow
expect = pytest.importorskip("playwright.sync_api", reason='pip install "vaelab[test-all]"').expect


def test_numbers_colour_the_map_and_the_worst_ten_are_one_click_away(page, html, run):
    opened(page, html.as_uri())
    page.select_option("#colour", label="elbo")
    expect(page.locator("#legend .scale")).to_contain_text("elbo, nats")
    tab(page, "Find")
    page.click("#worst")
    rows = np.array(page.evaluate("vaelab.facts.rows"))
    elbo = (-run.split_.distortion - run.split_.rate)[rows]
    group = page.evaluate("vaelab.group")
    assert group["members"] == np.argsort(elbo, kind="stable")[:10].tolist()
    page.locator("#group-members button").first.click()
    settled(page)
    expect(page.locator("#numbers")).to_contain_text(f"elbo {elbo.min():.2f}".replace("-", "−"))


def test_search_lasso_and_export(page, html, run, tmp_path):
    opened(page, html.as_uri())
    tab(page, "Find")
    page.fill("#search", "one")
    rows = np.array(page.evaluate("vaelab.facts.rows"))
    expect(page.locator("#group-facts")).to_contain_text(f"{(run.y == 1).sum()}")
    with page.expect_download() as download:
        page.click("#group-csv")
    download.value.save_as(tmp_path / "g.csv")
    lines = (tmp_path / "g.csv").read_text().splitlines()
    assert lines[0].startswith('row,"class","elbo","distortion","rate","posterior std",z0')
    assert {int(line.split(",")[0]) for line in lines[1:]} == set(np.flatnonzero(run.y == 1))
    page.fill("#search", "no such class")
    expect(page.locator("#group-told")).to_contain_text("No row and no class")
    page.fill("#search", str(rows[5]))
    page.press("#search", "Enter")
    assert page.evaluate("vaelab.current.example") == 5
    page.fill("#search", "")
    page.select_option("#axes", "latent")
    box = page.locator("#plot").bounding_box()
    page.click("#lasso-map")
    around = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98)]
    for k, (x, y) in enumerate(around):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if not k:
            page.mouse.down()
    page.mouse.up()
    z, c = codes_in(page, run), page.evaluate("vaelab.camera")
    left = (z[:, int(page.input_value("#axis-x"))] - c["x"]) * c["scale"] < 0
    left &= (z[:, int(page.input_value("#axis-x"))] - c["x"]) * c["scale"] > -0.48 * c["width"]
    assert set(page.evaluate("vaelab.group.members")) == set(np.flatnonzero(left))


def test_the_address_shows_what_was_seen(page, html):
    opened(page, html.as_uri())
    page.select_option("#axes", "latent")
    page.select_option("#colour", label="rate")
    tab(page, "Arithmetic")
    go(page, 9)
    page.wait_for_timeout(500)
    address = page.url
    assert "#" in address
    page.goto("about:blank")
    opened(page, address)
    assert page.evaluate("vaelab.current.example") == 9 and page.input_value("#axes") == "latent"
    assert page.locator("#colour option:checked").inner_text() == "rate"
    expect(page.locator("#p-arithmetic")).to_be_visible()
    page.goto("about:blank")
    opened(
        page,
        html.as_uri() + "#map=%3Cscript%3E&x=99&row=-4&z=1~x&only=7.x&at=0~0~0&tab=evil&colour=none&find=%3Cimg%3E",
    )
    assert page.problems == []


def test_a_finger_sees_the_picture_over_the_map(browser, html, run):
    page = browser.new_page()
    try:
        page.set_viewport_size({"width": 390, "height": 780})
        opened(page, html.as_uri())
        box = page.locator("#plot").bounding_box()
        session = browser.new_cdp_session(page)
        touch = lambda kind, *points: session.send(  # noqa: E731
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )
        x, y = box["x"] + 60, box["y"] + 80
        touch("touchStart", (x, y))
        touch("touchMove", (x + 30, y + 20))
        touch("touchMove", (x + 60, y + 40))
        page.wait_for_timeout(300)
        expect(page.locator("#float")).to_be_visible()
        want = run.decode(code(page)[None])[0][0] * 255
        assert np.abs(shown_pixels(page, "#float canvas") - want).max() < 0.51
        touch("touchEnd")
        expect(page.locator("#float")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.close()


HOST = """<meta charset=utf-8><body><script type="module">
%s
const bytes = Uint8Array.from(atob('%s'), c => c.charCodeAt(0));
const state = {page: new TextDecoder().decode(bytes), embedded: true, height: 700, rows: null};
const save = () => (document.title = state.rows.join());
const model = {get: k => state[k], set: (k, v) => (state[k] = v), save_changes: save};
view.render({model, el: document.body});
</script>"""


def test_what_is_selected_in_a_frame_comes_to_the_notebook(page, html, run, tmp_path):
    """The widget's own script around the page; rows are those of the test split."""
    from vaelab.api import widget

    script = Path(widget.__file__).with_name("widget.js").read_text(encoding="utf-8")
    host = HOST % (script.replace("export default", "const view ="), base64.b64encode(html.read_bytes()).decode())
    (tmp_path / "host.html").write_text(host, encoding="utf-8")
    page.goto((tmp_path / "host.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("body[data-ready=ok]").wait_for(timeout=60_000)
    selected = lambda: [int(v) for v in page.title().split(",") if v]  # noqa: E731
    frame.get_by_role("tab", name="Find").click()
    frame.locator("#search").fill("two")
    page.wait_for_timeout(500)
    assert len(selected()) > 10 and set(selected()) == set(np.flatnonzero(run.y == 2))
    frame.locator("#search").fill("")
    page.wait_for_timeout(500)
    assert selected() == []
    frame.locator("#plot").press("n")  # an example, pinned
    page.wait_for_timeout(300)
    assert selected() == [frame.locator("body").evaluate("() => vaelab.facts.rows[vaelab.current.example]")]
    page.evaluate("postMessage({vaelab: 'selection', rows: [9, 9, 9]}, '*')")  # anybody else's is not heard
    page.wait_for_timeout(200)
    assert len(selected()) == 1
