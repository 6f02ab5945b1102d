# Two commands matter: `make run` and `make test`. Both do all set-up themselves.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python

.PHONY: setup run test soak fuzz demo bench lint lock

setup: $(VENV)/.ready

$(VENV)/.runtime: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.ready: $(VENV)/.runtime requirements-dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	touch $@

run: $(VENV)/.runtime
	exec $(PY) -m bot run

test: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m pytest -n auto

soak: $(VENV)/.ready
	$(PY) -m pytest -n auto -m soak tests/soak

fuzz: $(VENV)/.ready
	$(PY) -m pytest -m fuzz -s tests/scrapers

demo: $(VENV)/.runtime
	$(PY) -m bot replay demo

bench: $(VENV)/.ready
	$(PY) -m bench

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
