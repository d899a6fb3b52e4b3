# Needs root, Debian 12, Python 3.11. Each target does all its own set-up.
#   make demo     a bare machine becomes a bot, and stays up: 3 GB of disk, 1.5 GB of memory
#   make demo-vm  the same from power-on: a virtual machine, cloud-init, Azure Files, nobody's hand
#   make test     lint, types, unit, contract and machine tests, the time of each, and coverage
#   make test-all all that and every test that make test leaves out: hours
#   make shard    of what only test-all runs, the part whose turn it is with this commit; SHARD=NAME
#   make up | down   a machine without a bot; down removes any bench, and says what stays
#   BENCH_NAME=foo   after demo, up, exec, address or down: another bench than "demo"
#   make exec CMD='systemctl status caddy'   a dollar sign reaches the shell inside, $$ as one
#   make exec-vm CMD='clawbot-agent status'
#   make -s address
#   make docs     the documentation's site, in site/
#   make lock     new versions of the dependencies into packaging/*.lock
#   make hooks    the linters before every commit of yours
#   make dist     wheel, sdist, archives with all dependencies, and SHA256SUMS in dist/
#   make release [VERSION=0.3.0]   the same with release notes, checked and committed
#   make tag      names that release, and prints how to publish it
# GNU make turns every exit code but 0 into 2; `python3 -m tests.bench exec …` passes it on as it is.
PYTHON ?= python3
BENCH_NAME ?= demo
BENCH = $(PYTHON) -m tests.bench --name $(BENCH_NAME)

# by the environment and not by the recipe, so that no quote in it is ever read by another shell
override CMD := $(subst $$$$,$$,$(value CMD))
export CMD

VENV = .venv
STAMP = $(VENV)/.installed

# exact versions and hashes, from pyproject.toml: of all that the agent needs, of the pip that
# installs it, and of all that development needs
lock: $(STAMP)
	$(VENV)/bin/python packaging/dev.py lock

hooks: $(STAMP)
	$(VENV)/bin/pre-commit install

dist: $(STAMP)
	$(VENV)/bin/python packaging/build_release.py all dist

# warnings and broken links are errors; the site opens from site/index.html without a server
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

release: $(STAMP)
	$(VENV)/bin/python packaging/release.py prepare $(VERSION)

tag: $(STAMP)
	$(VENV)/bin/python packaging/release.py tag

.PHONY: docs lock hooks dist release tag demo demo-vm test environment lint lint-all types unit \
	contract perf machine test-all shard up exec exec-vm address down clean
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

# from the lock alone, by hash; only root can install what the host lacks
$(STAMP): pyproject.toml packaging/dev.lock packaging/dev.py
	@[ "$$(id -u)" != 0 ] || \
		$(PYTHON) -c "from tests.bench import host_setup; host_setup.ensure(('python3-venv',))"
	$(PYTHON) packaging/dev.py install $(VENV)
	@touch $@

lint: $(STAMP)
	@$(SUITE) $(MAKE) --no-print-directory lint-all

lint-all:
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/shellcheck bootstrap.sh .ci/run vagrant/*.sh
	git ls-files -z | xargs -0 $(VENV)/bin/codespell
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/python -m tests.support.check_source

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

clean:
	@$(PYTHON) -m tests.bench down --all
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
	@[ ! -d .bench/run/demo-vm ] || $(PYTHON) -m tests.bench --name demo-vm down
