# Two commands do everything on a fresh machine: `make repro` and `make test`.
PYTHON ?= python3
VENV = .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS = 1
unexport PYTHONDONTWRITEBYTECODE  # of many containers: each stage, each test of one, would compile all anew

.PHONY: repro test lint study compare sweep kept setup audit repository

repro: repository setup  ## Set up, then run the whole pipeline: Table 1, the figures, the circles study in reports/
	dvc repro
	python -m stages.reporting.answer

test: export OMP_NUM_THREADS = 1  # a process on each core: threads would only wait for each other
test: $(VENV)/tested  ## Set up, then run the tests on all cores
	python -m pytest tests --numprocesses auto --dist worksteal

lint: setup  ## Formatter, linter and type checker
	ruff format --check .
	ruff check .
	mypy

study: repository setup  ## Run a study and publish it to reports/studies/: make study NAME=interval
	@test -f studies/$(NAME)/dvc.yaml || { echo "make study NAME=...: there are $(notdir $(wildcard studies/*))"; exit 2; }
	dvc repro studies/$(NAME)/dvc.yaml
	python -m stages.reporting.study $(NAME)

compare: setup  ## HEAD, its experiments and the workspace side by side: parameters, n, scores
	@python -m stages.reporting.compare

sweep: setup  ## The figure of a parameter over the experiments at hand, in sweeps/: make sweep OF=interval
	@test -n "$(OF)" || { echo "make sweep OF=...: a parameter by its dotted name, as interval or train.learning_rate"; exit 2; }
	@python -m stages.reporting.sweep $(OF)

kept: setup  ## The finished runs that are kept in .scratch/
	python -m stages.running.kept

repository:  # DVC needs one, and says so less clearly; a download as ZIP is none
	@test -e .git || git rev-parse --git-dir > /dev/null 2>&1 || { echo "No Git repository here, as in a download without one (ZIP), and DVC needs it: run 'git init' here, or 'git clone' in place of the download, then make again"; exit 2; }

setup: $(VENV)/installed .dvc/plots/page.html  ## The virtual environment with the pinned requirements; DVC's page

# Without it, DVC's page takes what draws its charts from the network; with the setting that it makes, and without the
# file, there is no page at all: what is gone is made anew.
.dvc/plots/page.html: $(VENV)/installed stages/reporting/offline.py stages/reporting/charts/page.html
	@$(VENV)/bin/python -m stages.reporting.offline

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 12) else f"Python 3.11 or 3.12 is needed, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

$(VENV)/tested: $(VENV)/installed requirements-dev.txt  ## And with what the tests use beside them
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

audit: setup  ## Known vulnerabilities of what is installed
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet pip-audit
	$(VENV)-audit/bin/pip-audit --path $(VENV)/lib/python3*/site-packages
