# Needs root, Debian 12, Python 3.11. Each target does all its own set-up.
#   make demo     a bare machine becomes a bot, and stays up
#   make demo-vm  the same from power-on: a virtual machine, cloud-init, Azure Files, nobody's hand
#   make test     lint, types, unit, contract and machine tests, the time of each, and coverage
#   make test-all all that and every test that make test leaves out: hours
#   make shard    of what only test-all runs, the part whose turn it is with this commit; SHARD=NAME
#   make up | down
#   make exec CMD='systemctl status caddy'   a dollar sign reaches the shell inside, $$ as one
#   make exec-vm CMD='clawbot-agent status'
#   make -s address
#   make release  wheel, archives with all that it needs, and SHA256SUMS in dist/
# GNU make turns every exit code but 0 into 2; `python3 -m tests.bench exec …` passes it on as it is.
PYTHON ?= python3
BENCH_NAME ?= demo
BENCH = $(PYTHON) -m tests.bench --name $(BENCH_NAME)

# by the environment and not by the recipe, so that no quote in it is ever read by another shell
override CMD := $(subst $$$$,$$,$(value CMD))
export CMD

VENV = .venv
STAMP = $(VENV)/.installed

# exact versions and hashes of everything the agent needs, from pyproject.toml, and of the pip
# that installs it
UV_LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --upgrade
lock: $(STAMP)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check uv
	$(UV_LOCK) pyproject.toml -o packaging/requirements.lock
	echo pip | $(UV_LOCK) --no-annotate - -o packaging/pip.lock

release: $(STAMP)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check 'setuptools>=77' wheel
	$(VENV)/bin/python packaging/build_release.py all dist

.PHONY: lock release demo demo-vm test environment lint lint-all types unit contract perf machine \
	test-all shard up exec exec-vm address down clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@$(PYTHON) -m tests.bench.demo $(BENCH_NAME)

demo-vm: $(STAMP)
	@$(VENV)/bin/python -m tests.bench.demo_vm

# --- tests: docs/testing.md says what belongs where, and what each takes -----------------------
# pytest workers beside each other; machine tests wait more than they compute
WORKERS ?= 2
RESULTS = .test-results
SUITES = environment lint types unit contract perf machine
SUITE = $(PYTHON) -m tests.support.suite_times run $@ --
PYTEST = $(VENV)/bin/pytest -q --numprocesses=$(WORKERS) --junitxml=$(RESULTS)/$@.xml
COVERAGE = --cov --cov-report=
NOT_EXTENDED = -m "not extended" --dist=loadfile --no-loadscope-reorder --durations=12

# the time of each is told however it ends
test:
	@rm -rf $(RESULTS); code=0; \
	$(MAKE) --no-print-directory $(SUITES) || code=$$?; \
	$(PYTHON) -m tests.support.suite_times show $(SUITES); \
	$(VENV)/bin/coverage report --format=total | sed 's/$$/ % branch coverage by unit and contract tests/'; \
	exit $$code

environment:
	@$(SUITE) $(MAKE) --no-print-directory $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c "from tests.bench import host_setup; host_setup.ensure(('python3-venv', 'shellcheck'))"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

lint: $(STAMP)
	@$(SUITE) $(MAKE) --no-print-directory lint-all

lint-all:
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	shellcheck bootstrap.sh .ci/run vagrant/*.sh

types: $(STAMP)
	@$(SUITE) $(VENV)/bin/mypy

unit: $(STAMP)
	@$(SUITE) $(PYTEST) $(COVERAGE) tests/unit

contract: $(STAMP)
	@$(SUITE) $(PYTEST) $(COVERAGE) --cov-append $(NOT_EXTENDED) tests/contract

# figures of time: nothing else runs beside
perf: $(STAMP)
	@$(SUITE) $(PYTEST) $(NOT_EXTENDED) --numprocesses=0 tests/perf

# all that needs a machine
machine: $(STAMP)
	@$(SUITE) $(PYTEST) $(NOT_EXTENDED) tests $(foreach suite,unit contract perf,--ignore=tests/$(suite))

# --- what make test leaves out -----------------------------------------------------------------
test-all: test
	@code=0; for shard in $$($(PYTHON) -m tests.support.shards --list); do \
		$(MAKE) --no-print-directory shard SHARD=$$shard || code=1; done; \
	$(PYTHON) -m tests.support.suite_times show $(SUITES) \
		$$($(PYTHON) -m tests.support.shards --list | sed s/^/shard-/); \
	exit $$code

SHARD ?= $(shell $(PYTHON) -m tests.support.shards)
shard: $(STAMP)
	@$(PYTHON) -m tests.support.suite_times run shard-$(SHARD) -- \
		timeout --foreground --signal=INT --kill-after=120 $(SHARD_SECONDS) \
		$(VENV)/bin/pytest -v --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder \
		--durations=12 \
		--junitxml=$(RESULTS)/shard-$(SHARD).xml --shard=$(SHARD) tests --ignore=tests/unit
# a shard takes at most 20 minutes where it was measured
SHARD_SECONDS ?= 1500

clean: down
	rm -rf .bench $(VENV)

up:
	@$(BENCH) up

exec:
	@$(BENCH) exec

exec-vm:
	@$(PYTHON) -m tests.bench --name demo-vm vm exec bot0

address:
	@$(BENCH) address

down:
	@$(BENCH) down
	@$(PYTHON) -m tests.bench --name demo-vm down
