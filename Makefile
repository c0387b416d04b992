# make app        the program on http://localhost:8501
# make test       every check in a few minutes; make test-slow runs the slow tests
# make bench      every figure of docs/benchmarks.md
# make setup      the environment alone (the other targets call it)

SHELL := /bin/bash
PORT ?= 8501
# Processes that run the tests; each needs about 1 GB.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))
PY := .venv/bin/python
# The first Python that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# One thread in each process; a group of tests (xdist_group) stays in one process.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses $(WORKERS) --dist loadgroup

.PHONY: setup app test test-slow lint types unit bench constraints clean help

help:
	@sed -n 's/^# //p' Makefile | head -4

setup: .venv/stamp

.venv/stamp: requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv .venv || { \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@# Two halves at once, nothing to resolve: less than half the time.
	@for half in 0 1; do \
		sed '/^#/d' constraints.txt | awk "NR % 2 == $$half" > .venv/half$$half.txt; \
		$(PY) -m pip install --quiet --no-compile --no-deps \
			--requirement .venv/half$$half.txt & halves+=($$!); \
	done; for job in "$${halves[@]}"; do wait "$$job" || exit 1; done
	@# What this system needs beyond that, and that everything fits together.
	@$(PY) -m pip install --quiet --requirement requirements-dev.txt
	@# The commands coin-reader and coin-scrape.
	@$(PY) -m pip install --quiet --no-deps --editable .
	@touch $@

app: setup
	$(PY) -m streamlit run app.py --server.port $(PORT) --server.headless true

test: setup lint types unit

lint: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/lint-imports --no-logo

types: setup
	$(PY) -m mypy

unit: setup
	$(PYTEST)

test-slow: setup
	$(PYTEST) -m slow

# The figures of docs/benchmarks.md. PHOTOS=DIR (one folder of photos per ruler) adds real
# photos, OTHER_COINS=DIR real coins of other kinds, COLLECTION=DIR (one folder of
# photos per class) a training from the shipped weights with five folds, LETTERS=FILE
# a table of the letters that were seen on coins.
bench: setup
	$(PY) -m coin_core evaluate --data rendered --count 3000 --legible 0.5
	$(PY) -m coin_core evaluate --data rendered --count 3000 --by-legibility
	$(PY) -m benchmarks.tta
	$(PY) -m benchmarks.scenes
	$(PY) -m benchmarks.out_of_scope $(if $(OTHER_COINS),--photos $(OTHER_COINS))
	$(PY) -m benchmarks.speed
	$(PY) -m benchmarks.training_speed
	$(PY) -m benchmarks.import_photos
	$(PY) -m benchmarks.scraping
	$(PY) -m benchmarks.lot_texts tests/scrapers/labels/other_lot_texts.tsv
	$(PY) -m benchmarks.kills
	$(PY) -m benchmarks.catalog_queries
	$(PY) -m benchmarks.dataset_page
	$(PY) -m benchmarks.history_page
ifdef LETTERS
	$(PY) -m benchmarks.letters $(LETTERS)
endif
ifdef PHOTOS
	$(PY) -m coin_core evaluate --data $(PHOTOS)
	$(PY) -m benchmarks.speed --of $(PHOTOS)
endif
ifdef COLLECTION
	for name in resnet vgg svm knn mlp; do \
		$(PY) -m coin_core train $$name --data $(COLLECTION) --init rendered \
			--folds 5 --out data/models/collection-$$name || exit 1; \
	done
endif

constraints: setup
	@{ sed -n '/^#/p' constraints.txt; \
		$(PY) -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
