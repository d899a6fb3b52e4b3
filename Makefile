# Requires root, Debian 12 and Python 3.11. Each target does its own setup.
#   make demo     turn a bare machine into a bot and keep it running: 3 GB of disk, 1.5 GB of RAM
#   make demo-vm  the same in a virtual machine, from power-on: cloud-init, Azure Files
#   make test     lint, types, unit, contract and machine tests, and a bot in virtual machines
#   make vm       only the virtual machines: a bot's first boot, and Azure's events
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

.PHONY: docs lock hooks dist release tag demo demo-vm test lint types unit contract machine vm up exec exec-vm \
	address down clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@$(PYTHON) -m tests.bench.demo $(BENCH_NAME)

demo-vm: $(STAMP)
	@$(VENV)/bin/python -m tests.bench.demo_vm

test: lint types unit contract machine vm

# only locked versions, by hash; as root, missing host packages are installed first
$(STAMP): pyproject.toml packaging/dev.lock packaging/dev.py
	@[ "$$(id -u)" != 0 ] || \
		$(PYTHON) -c "from tests.bench import host_setup; host_setup.ensure(('python3-venv',))"
	$(PYTHON) packaging/dev.py install $(VENV)
	@touch $@

lint: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/shellcheck bootstrap.sh .ci/run vagrant/*.sh
	git ls-files -z | xargs -0 $(VENV)/bin/codespell
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/python -m tests.support.check_source

types: $(STAMP)
	$(VENV)/bin/mypy

unit: $(STAMP)
	$(VENV)/bin/pytest -q tests/unit

contract: $(STAMP)
	$(VENV)/bin/pytest -q --durations=12 tests/contract

machine: $(STAMP)
	$(VENV)/bin/pytest -v --durations=12 tests/machine tests/faults

# a bot from power-on through Azure's events; in addition one with QEMU, up to the gateway's start
vm: $(STAMP)
	$(VENV)/bin/pytest -v --durations=12 tests/vm

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
