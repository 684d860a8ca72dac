"""What JAX's compiler is told, and that it then sums what jaxlib 0.10.2 by itself does not."""

import importlib.metadata
import importlib.util
import subprocess
import sys

import pytest
from support import ROOT

from vaelab.compute.backend import xla_flags

SUM = "--xla_cpu_experimental_ynn_fusion_type=-reduce"
PROGRAM = """
from vaelab.compute import backend
backend.start("jax", device="cpu", threads=2, deterministic=True)
import jax
from jax import numpy as jnp
x = jnp.pad(jnp.arange(32769, dtype="float32")[:, None], ((0, 0), (0, 2)))
squares = jax.jit(jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2)))(x)
assert float(squares[-1]) == 32768**2, float(squares[-1])
"""


@pytest.mark.parametrize(("jaxlib", "told"), [("0.10.1", False), ("0.10.2", True), ("0.11.0", True), ("1.0", True)])
def test_versions_that_sum_wrongly_are_told_not_to(jaxlib, told, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: jaxlib)
    assert (SUM in xla_flags(1)) == told and "--xla_cpu_multi_thread_eigen=false" in xla_flags(1)


def test_what_the_user_says_comes_first_and_stays(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.10.2")
    given = "--xla_cpu_experimental_ynn_fusion_type= --xla_foo=1"
    assert xla_flags(2, given) == f"{given} --xla_cpu_multi_thread_eigen=true"
    assert xla_flags(2, xla_flags(2)) == xla_flags(2)


def test_without_jax_nothing_is_said_here(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert SUM not in xla_flags(2)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_sums_after_products_of_matrices_are_right():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
