# vaelab: what one types in a checkout. `make` alone prints this page.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
BACKEND ?= tensorflow
COMMA := ,
GPU_EXTRAS := $(if $(shell command -v nvidia-smi 2>/dev/null),$(COMMA)cuda$(COMMA)jax-cuda)
BENCHMARKS ?= training likelihood startup overhead memory generation precision tsne sweep

.DEFAULT_GOAL := help
.PHONY: help venv run test test-all docs notebooks bench lint format wheel clean

help: ## this page
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

venv: $(BIN)/.installed ## make the virtual environment and install vaelab with its development tools

run: $(BIN)/.installed ## train on the embedded digits: a first complete run
	$(BIN)/vaelab train experiment=digits
	@echo "to type vaelab alone: source $(BIN)/activate"

test: $(BIN)/.installed ## the tests that need neither data nor network (BACKEND=jax or torch for another backend)
	KERAS_BACKEND=$(BACKEND) $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not network"

test-all: test ## the tests above, then real data, browser, database, clusters, other backends, long trainings
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,test-all]"
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=15 -m "slow and not alone and not network"
	$(BIN)/python -m pytest --durations=5 -m "slow and alone and not network"

bench: $(BIN)/.installed ## speed beside Keras, PyTorch and Pythae (hours; benchmarks/README.md has single questions)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,jax,tsne$(GPU_EXTRAS)]"
	for question in $(BENCHMARKS); do $(BIN)/python benchmarks/$$question.py || exit 1; done

docs: $(BIN)/.installed ## build the documentation site: docs/_build/html
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,docs]"
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

notebooks: $(BIN)/.installed ## execute the notebooks of docs/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,docs]"
	$(BIN)/python -m pytest -q tests/api/test_notebooks.py

lint: $(BIN)/.installed ## what CI refuses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --project pyproject.toml --pythonpath $(BIN)/python

format: $(BIN)/.installed ## put the code into the agreed form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(BIN)/.installed ## build dist/*.whl
	$(BIN)/python -m build --wheel

clean: ## remove everything that can be made again, but no runs
	rm -rf $(VENV) dist build docs/_build .pytest_cache .ruff_cache
