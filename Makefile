# Every target sets itself up: a Python of 3.11 or later is all that has to be there.
# PYTHON=python3.12 picks another one, ARGS="..." is passed on to the command of a target.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
PY     := $(VENV)/bin/python
FRAMEWORKS ?= .venv-frameworks
PROGRAMS   ?= 200
STAMP  := $(VENV)/installed
TEX_PACKAGES := texlive-latex-base texlive-latex-recommended lmodern

.PHONY: help battery demo gallery test oracle oracle-digits fuzz docs bench bench-numeric verify-bench lengths-bench tex
.DEFAULT_GOAL := help

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

demo: $(STAMP) compiled ## derive, explain and check the 3-4-2 network
	@$(PY) -m symbackprop demo $(ARGS)

gallery: $(STAMP) compiled ## derive and check every model of the gallery
	@$(PY) examples/gallery.py $(ARGS)

test: $(STAMP) compiled ## run the test suite on two cores
	@$(PY) -m pytest -n 2 $(ARGS)

test-frameworks: $(FRAMEWORKS)/installed ## test exported JAX and PyTorch code (installs both, some 1 GB, in a venv of its own)
	@PROGRAMS=$(PROGRAMS) $(FRAMEWORKS)/bin/python -m pytest tests/frameworks $(ARGS)

oracle: $(STAMP) compiled ## long sweep: random programs against automatic differentiation
	@$(PY) tests/sweep_oracle.py $(ARGS)

oracle-digits: $(STAMP) compiled ## 50 random programs against 50-digit differences of the loss
	@$(PY) tests/sweep_precise.py $(ARGS)

fuzz: $(STAMP) compiled ## 100,000 made and broken inputs against every reader (about half an hour)
	@$(PY) benchmarks/fuzz.py $(ARGS)

docs: $(STAMP) compiled ## write docs/ops.md from the op tables and docs/gallery.md from the models
	@$(PY) docs/write_ops.py
	@$(PY) examples/gallery.py --write

bench: $(STAMP) compiled ## measure the derivation against bare SymPy construction
	@$(PY) benchmarks/derive.py $(ARGS)

bench-numeric: $(STAMP) compiled ## measure exported functions against textbook NumPy
	@$(PY) benchmarks/numeric.py $(ARGS)

battery: $(STAMP) compiled ## 58 derivatives of matrix expressions: ours beside SymPy's own .diff
	@$(PY) benchmarks/battery.py $(ARGS)

verify-bench: $(STAMP) compiled ## judge 5,000 mutants and 5,000 rewrites of formulas, labelled by an oracle of its own (ten minutes or more)
	@$(PY) benchmarks/verify.py $(ARGS)

lengths-bench: $(STAMP) compiled ## judge lines about random recurrences, labelled at lengths beyond all that the judge looks at
	@$(PY) benchmarks/lengths.py $(ARGS)

tex: $(STAMP) compiled pdflatex ## typeset every example (installs a stock TeX where apt-get can)
	@$(PY) tests/compile_tex.py $(ARGS)

# The stamp is written last, so a set-up that broke off starts again; a changed pyproject.toml installs again.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or later is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'setting up $(VENV) (once, a minute or so)' >&2
	@$(PY) -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo 'the venv module is missing; on Debian or Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@$(PY) -m compileall -q -j 2 $(VENV)/lib >/dev/null 2>&1 || true
	@touch $@

# A build of PyTorch for the CPU is taken where the registry has one of this version.
$(FRAMEWORKS)/installed: pyproject.toml
	@echo 'setting up $(FRAMEWORKS) (once, several minutes)' >&2
	@$(FRAMEWORKS)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(FRAMEWORKS)
	@$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test,frameworks]'
	@touch $@

# Python itself writes no byte code where PYTHONDONTWRITEBYTECODE is set, and every start would compile anew.
.PHONY: compiled pdflatex
compiled: $(STAMP)
	@$(PY) -m compileall -q symbackprop >&2 || true

pdflatex:
	@command -v pdflatex >/dev/null && exit 0; \
	command -v apt-get >/dev/null || { echo 'pdflatex is missing: install a TeX distribution' >&2; exit 1; }; \
	as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	echo 'installing $(TEX_PACKAGES)' >&2; \
	{ $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	$$as_root apt-get install -y -qq --no-install-recommends $(TEX_PACKAGES); } >&2
