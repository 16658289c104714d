# make quickstart   the method in miniature: data, training, baselines, tests, table, report   (SEEDS=3: three seeds)
# make demo         the page: click on a picture, read mask and name
# make ablations    the miniature with adapters and ablations, reusing the quickstart   (SEEDS=3: three seeds)
# make pretrain     train the small CLIPs and SAM that come with the package again, in hours   (SEEDS=1)
# make semantic     CAT-Seg and ESC-Net in miniature, on the small dense CLIP and SAM   (SEEDS=3: three seeds)
# make joint        training with boxes and image labels too, named out of 24,000 names   (SEEDS=3: three seeds)
# make test         style checks and tests, on all cores; the slowest tests and the seconds per folder
# make test-fast    without the tests that train, measure or start processes   (PYTEST_ARGS=tests/ops: one folder)
# make lint         style checks only
# make audit        known vulnerabilities, licences and versions of what is installed; in an environment of its own
# make tables       rewrite README's tables from the committed results
# make .venv        only the environment; every target makes it when it is missing or out of date

PYTHON ?= python3
VENV ?= .venv
SEEDS ?= 1
WORKERS ?= auto
PYTEST_ARGS ?=

BIN := $(VENV)/bin
# Named after what it was made from, so a changed requirement makes a new environment and nothing else does.
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
# Modules are compiled once, not by every worker and every stage.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: audit help .venv quickstart ablations pretrain demo semantic joint test test-fast lint tables check-seeds
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' Makefile

.venv: $(STAMP)

# mmcv and lvis pull opencv-python, which needs libGL and shares its folder with the headless build: both
# leave, the headless one comes back alone.
$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "error: $(PYTHON) must be Python 3.10 or later, got: $$($(PYTHON) --version 2>&1);" \
	    "name another with make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: $(PYTHON) has no venv module; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@echo "Making $(VENV) with $$($(PYTHON) --version); some minutes, once."
	@rm -rf $(VENV)/setup_seconds; mkdir -p $(VENV); date +%s > $(VENV)/.setup_began
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(PIP) install --quiet --no-compile -e '.[dev]'
	$(PIP) uninstall --quiet --yes opencv-python opencv-python-headless
	$(PIP) install --quiet --no-deps -c constraints.txt opencv-python-headless
	@$(BIN)/python -c 'import cv2, torch, torchvision; print("torch", torch.__version__, "cv2", cv2.__version__)'
	@echo $$(($$(date +%s) - $$(cat $(VENV)/.setup_began))) > $(VENV)/setup_seconds
	@rm -f $(VENV)/.installed-* $(VENV)/.setup_began
	@touch $@

check-seeds:
	@case '$(SEEDS)' in ''|*[!0-9]*|0*) \
	  echo "error: SEEDS must be a whole number of 1 or more, got '$(SEEDS)'" >&2; exit 2;; esac

quickstart: check-seeds $(STAMP)
	@$(BIN)/python tools/quickstart.py --seeds $(SEEDS)

ablations: check-seeds $(STAMP)
	@$(BIN)/python tools/quickstart.py --ablations --seeds $(SEEDS)

pretrain: check-seeds $(STAMP)
	@$(BIN)/python tools/quickstart.py --pretrain --root work_dirs/pretrain --seeds $(SEEDS)

demo: $(STAMP)
	@$(BIN)/python tools/demo.py

joint: check-seeds $(STAMP)
	@$(BIN)/python tools/quickstart.py --joint --seeds $(SEEDS)

semantic: check-seeds $(STAMP)
	@$(BIN)/python tools/quickstart.py --semantic --seeds $(SEEDS)

test: lint
	@$(PYTEST) -m 'not slow and not gpu' --durations=20 $(PYTEST_ARGS)

test-fast: $(STAMP)
	@$(PYTEST) -m 'not slow and not gpu and not seconds' $(PYTEST_ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

audit: $(STAMP)
	@$(BIN)/python -m venv $(VENV)-audit
	@$(VENV)-audit/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt \
	  packaging pip-audit pip-licenses
	@$(VENV)-audit/bin/python tests/reliability/audit.py --python $(BIN)/python

tables: $(STAMP)
	@$(BIN)/python tools/make_tables.py --update
