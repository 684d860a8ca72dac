"""Every test of a dataset has a user cache of its own and no data folder unless it names one."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """A user cache of this test's own; no data folder unless the test names one."""
    cache = tmp_path_factory.mktemp("user") / "cache"
    monkeypatch.setenv("VAELAB_CACHE", str(cache))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    return cache
