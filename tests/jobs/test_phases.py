"""What a run says it is doing."""

import logging

import pytest

from vaelab.jobs.phases import Phases
from vaelab.records.run_folder import RunFolder


def test_a_phase_is_said_kept_and_timed(tmp_path, caplog):
    folder = RunFolder(tmp_path)
    phases = Phases(folder)
    with caplog.at_level(logging.INFO, "vaelab"):
        with phases("training"):
            assert folder.recorded_status()["phase"] == "training"
        with phases("measuring", ["elbo", "mig"]):
            assert folder.recorded_status()["phase"] == "measuring"
    assert [r.message for r in caplog.records] == ["measuring: elbo, mig"]
    assert list(phases.seconds) == ["training", "measuring"] and all(0 <= s < 5 for s in phases.seconds.values())
    phases.seconds.update(training=16.2, measuring=0.1)
    assert phases.in_words() == "16 s training"


def test_a_phase_that_fails_stays_the_last_one_known(tmp_path):
    phases = Phases(RunFolder(tmp_path))
    with pytest.raises(ValueError), phases("drawing"):
        raise ValueError("ink")
    assert RunFolder(tmp_path).recorded_status()["phase"] == "drawing" and phases.seconds == {}
