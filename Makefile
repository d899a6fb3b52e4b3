# Requires root, Debian 12 and Python 3.11. Each target does its own setup.
#   make demo     turn a bare machine into a bot and keep it running: 3 GB of disk, 1.5 GB of RAM
#   make demo-vm  the same in a virtual machine, from power-on: cloud-init, Azure Files
#   make test     lint, types, unit, contract and machine tests; time per suite and coverage
#   make test-all all of that and every test that make test leaves out: hours
#   make shard    the part of test-all whose turn it is at this commit; SHARD=NAME picks one
#   make up | down   start a machine without a bot | remove the bench; prints what is kept
#   BENCH_NAME=foo   with demo, up, exec, address or down: a bench other than "demo"
#   make exec CMD='systemctl status caddy'   $ is passed to the shell inside, $$ as one $
#   make exec-vm CMD='clawbot-agent status'   the same in the machine of demo-vm
#   make -s address  the machine's address
#   make clean    remove all benches of this checkout, the cache and .venv
#   make docs     build the documentation site in site/
#   make lock     update the dependencies in packaging/*.lock
#   make hooks    run the linters before each commit
#   make dist     wheel, sdist, archives with all dependencies, and SHA256SUMS in dist/
#   make release [VERSION=0.3.0]   the same with release notes, checked and committed
#   make tag      tag that release and print how to publish it
# GNU make turns every exit code other than 0 into 2; `python3 -m tests.bench exec …` does not.
PYTHON ?= python3
BENCH_NAME ?= demo
BENCH = $(PYTHON) -m tests.bench --name $(BENCH_NAME)

# passed in the environment, not in the recipe, so that no other shell interprets its quotes
override CMD := $(subst $$$$,$$,$(value CMD))
export CMD

VENV = .venv
STAMP = $(VENV)/.installed

# exact versions and hashes from pyproject.toml: the agent's dependencies, the pip that installs it,
# and the development tools
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

.PHONY: docs lock hooks dist release tag demo demo-vm test coverage environment lint lint-all types unit contract \
	perf machine test-all shard up exec exec-vm address down clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@$(PYTHON) -m tests.bench.demo $(BENCH_NAME)

demo-vm: $(STAMP)
	@$(VENV)/bin/python -m tests.bench.demo_vm

# --- tests: see docs/testing.md ----------------------------------------------------------------
# pytest workers; machine tests wait more than they compute
WORKERS ?= 2
RESULTS = .test-results
SUITES = environment lint types unit contract perf machine
SUITE = $(PYTHON) -m tests.support.suite_times run $@ --
PYTEST = $(VENV)/bin/pytest -q --numprocesses=$(WORKERS) --junitxml=$(RESULTS)/$@.xml
COVERAGE = --cov --cov-report=
NOT_EXTENDED = -m "not extended" --dist=loadfile --no-loadscope-reorder --durations=12

# prints the time of each suite, also when one fails
test:
	@rm -rf $(RESULTS); code=0; \
	$(MAKE) --no-print-directory $(SUITES) || code=$$?; \
	$(PYTHON) -m tests.support.suite_times show $(SUITES); \
	$(MAKE) --no-print-directory coverage; exit $$code

# of the last unit and contract tests; a killed subprocess leaves a file that cannot be read
coverage:
	@rm -f .coverage.*; for product in agent controller; do \
		printf 'branch coverage of %s/: %s %%\n' $$product \
		"$$($(VENV)/bin/coverage report --include="$$product/*" --format=total)"; done

environment:
	@$(SUITE) $(MAKE) --no-print-directory $(STAMP)

# only locked versions, by hash; as root, missing host packages are installed first
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
	$(VENV)/bin/python -m tests.support.check_language
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/python -m tests.support.check_source

types: $(STAMP)
	@$(SUITE) $(VENV)/bin/mypy

unit: $(STAMP)
	@$(SUITE) $(PYTEST) $(COVERAGE) tests/unit

contract: $(STAMP)
	@$(SUITE) $(PYTEST) $(COVERAGE) --cov-append $(NOT_EXTENDED) tests/contract

# measures response times: runs alone
perf: $(STAMP)
	@$(SUITE) $(PYTEST) $(NOT_EXTENDED) --numprocesses=0 tests/perf

# everything that needs a machine
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
# limit of CI; a shard took at most 20 minutes when it was measured
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
