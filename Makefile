# `make tune` tunes a real model, `make check` passes the tests; both make what they need. PYTHON chooses an interpreter.
PYTHON ?= python3
VENV ?= .venv

.PHONY: tune check clean

tune: $(VENV)/ready
	$(VENV)/bin/shoal tune examples/01_digits.yaml --store shoal.db

check: $(VENV)/ready
	VENV=$(VENV) scripts/check

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 10), "Shoal needs Python 3.10 or newer; say which with make PYTHON=…"'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) shoal.db shoal.db-shm shoal.db-wal shoal.files
