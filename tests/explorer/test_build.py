"""The file: self-contained, its policy, its limit, what it refuses."""

import base64
import hashlib
import json
import re

import keras
import numpy as np
import pytest
from fake_run import FakeRun, settings, write

from vaelab.errors import ConfigError, RunError
from vaelab.explorer import build, litert
from vaelab.explorer.content import content

HOSTILE = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "a ' \" & \u202e b", "\udcff")


def element(text, kind):
    return re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL).group(1)


def facts_of(text):
    return json.loads(re.search(r'id="facts">(.*?)</script>', text, re.DOTALL).group(1))


def test_policy_lets_exactly_this_script_and_style_run(html):
    text = html.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    for kind, directive in (("script", "script-src"), ("style", "style-src")):
        digest = base64.b64encode(hashlib.sha256(element(text, kind).encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy and "unsafe-inline" not in policy
    assert text.index("<meta charset") < text.index("<title")  # first, for MLflow's viewer


def test_nothing_in_the_file_points_outside(html):
    text = re.sub(r'<script type="application/octet-stream".*?</script>', "", html.read_text(encoding="utf-8"))
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_scripts_cannot_end_their_element_early():
    sources = [(build.HERE / "page" / f"{name}.js").read_text(encoding="utf-8") for name in build.SCRIPTS]
    assert not any(bad in s.lower() for s in sources for bad in ("</script", "<!--", "<script"))
    assert "</style" not in (build.HERE / "page" / "style.css").read_text(encoding="utf-8")
    assert {p.stem for p in (build.HERE / "page").glob("*.js")} == {*build.SCRIPTS, "worker"}


def test_hostile_names_stay_text(tmp_path):
    run = FakeRun(class_names=HOSTILE, n=60, name=HOSTILE[0])
    text = write(run, tmp_path / "e.html", projections=["pca"]).read_text(encoding="utf-8")
    assert "<script>alert" not in text and "<img" not in text.replace('<img id="picture-shown"', "")
    assert facts_of(text)["colourings"][0]["labels"][:3] == list(HOSTILE[:3])


def test_same_run_same_bytes(run, html, tmp_path):
    """Whatever layers were built before, whose number goes into the names of later ones."""
    for built in (1, 3, 9):
        for _ in range(built):
            keras.Model(x := keras.Input((3,)), keras.layers.Reshape((3, 1))(x - 1.0))
        assert write(run, tmp_path / "again.html").read_bytes() == html.read_bytes()


def test_the_file_is_small(html):
    assert html.stat().st_size < 5_000_000


def test_too_large_a_file_is_refused_and_the_server_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "LIMIT", 2_000_000)
    with pytest.raises(ConfigError, match=r"MB \(.*runtime.*thumbnails=false.*vaelab explore run=outputs/x"):
        write(run, tmp_path / "e.html", projections=["pca"])
    assert list(tmp_path.iterdir()) == []


def test_a_huge_decoder_is_refused_before_it_is_converted(run, tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "convert", lambda *a, **k: pytest.fail("converted"))
    monkeypatch.setattr(type(run.decoder), "count_params", lambda self: 30_000_000)
    with pytest.raises(ConfigError, match=r"the decoder alone would take about 75.0 MB.*vaelab explore"):
        write(run, tmp_path / "e.html")


def test_an_operation_browsers_lack_is_told_and_the_server_named(tmp_path):
    import keras

    run = FakeRun(latent_dim=4, n=40, shapes=((2, 2, 1),))
    z = keras.Input((4,))
    x = keras.layers.Reshape((2, 2))(z)
    x = keras.layers.Lambda(lambda v: keras.ops.linalg.inv(v))(x)
    x = keras.layers.Reshape((2, 2, 1))(x)
    run.decoder = keras.Model(z, x)
    with pytest.raises(ConfigError, match=r"was not written. LiteRT cannot run .*vaelab explore run=outputs/x"):
        write(run, tmp_path / "e.html", projections=[])


def test_another_run_s_decoder_is_refused(run, tmp_path):
    with pytest.raises(RunError, match="takes 6 latents, the run has 5"):
        write_with(FakeRun(latent_dim=5), run.decoder, tmp_path)


def write_with(run, decoder, folder):
    return build.write(folder / "e.html", run, decoder, run_line=None, settings=settings())


def litert_output(model, z):
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], z.astype(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("half,tolerance", [(False, 1e-5), (True, 1 / 255)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_converted_decoder_equals_keras_with_views_in_order(half, tolerance):
    run = FakeRun(latent_dim=4, shapes=((8, 8, 1), (6, 10, 3)), n=40)
    model = litert.convert(run.decoder, half=half)
    for z in run.codes[:3, None]:
        assert np.abs(litert_output(model, z) - run.flat(z)).max() < tolerance


def test_half_precision_halves_the_model(run):
    assert len(litert.convert(run.decoder, half=True)) < 0.7 * len(litert.convert(run.decoder, half=False))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_backends_convert_in_a_process_of_their_own(run):
    model = litert._in_another_process(run.likelihood_model(), False)
    z, (x,) = run.codes[:1], run.split_.images(slice(0, 1))
    (found,) = litert_output(model, np.concatenate([z, x.reshape(1, -1)], axis=1))
    assert np.abs(found[:-1] - run.flat(z)).max() < 1e-5
    assert found[-1] == pytest.approx(run.log_prob((x,), z)[0], rel=1e-5)


def test_the_server_s_page_has_no_runtime_and_may_only_call_home(run):
    shown = content(run, run_line=None, settings=settings(projections=[]))
    text = build.page(shown, build.content_blobs(shown), decoder={"kind": "server"}).decode()
    assert "connect-src 'self'" in text and "worker-src" not in text and 'id="b-wasm"' not in text
    assert len(text) < 1_000_000


def test_the_encoder_equals_keras_and_what_litert_lacks_is_said_otherwise():
    """Several inputs of a model are one row, in their order; a softplus is written out."""
    run = FakeRun(latent_dim=4, shapes=((8, 8, 1), (6, 10, 3)), n=40, conditional=True)
    x, given = run.split_.images(slice(0, 2)), run.split_.given(slice(0, 2))
    joined = lambda *parts: np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)  # noqa: E731
    model = litert.convert(run.encoder, half=False)
    for row, wanted in zip(joined(*x, *given), joined(*run.encode((*x, *given)))):
        assert np.abs(litert_output(model, row[None]) - wanted).max() < 1e-5
    z = run.codes[:2]
    model = litert.convert(run.likelihood_model(), half=False)
    log_p = run.log_prob((*x, *given), z)
    for row, pictures, value in zip(joined(z, *given, *x), run.flat(z, *given), log_p):
        found = litert_output(model, row[None])[0]
        assert np.abs(found[:-1] - pictures).max() < 1e-5 and found[-1] == pytest.approx(value, rel=1e-5)


def test_an_encoder_no_browser_runs_leaves_a_page_without_one(tmp_path, monkeypatch, caplog):
    run = FakeRun(latent_dim=4, n=40, shapes=((2, 2, 1),))
    convert = litert.convert

    def fails(model, *, half):
        if model.name == "encoder":
            raise litert.ExportError("LiteRT cannot run this model in a browser (why).")
        return convert(model, half=half)

    monkeypatch.setattr(litert, "convert", fails)
    with caplog.at_level(1):
        text = write(run, tmp_path / "e.html", projections=[]).read_text(encoding="utf-8")
    assert facts_of(text)["encoder"] is None and 'id="b-encoder"' not in text
    assert "e.html has no encoder" in caplog.text and "(why)" in caplog.text


def test_without_the_encoder_there_is_neither_it_nor_a_way_to_draw(run, tmp_path):
    text = write(run, tmp_path / "e.html", projections=[], encoder=False).read_text(encoding="utf-8")
    assert facts_of(text)["encoder"] is None and facts_of(text)["drawing"] is None and 'id="b-encoder"' not in text


def test_a_likelihood_that_cannot_be_traced_leaves_a_page_without_the_encoder(tmp_path, caplog):
    run = FakeRun(latent_dim=4, n=40, shapes=((2, 2, 1),))
    run.likelihood_model = lambda: np.asarray(run.decoder.inputs[0])
    with caplog.at_level(1):
        text = write(run, tmp_path / "e.html", projections=[]).read_text(encoding="utf-8")
    assert facts_of(text)["encoder"] is None and "not made of Keras operations alone" in caplog.text
