# Needs root, Debian 12, Python 3.11. Each target does all its own set-up.
#   make demo     a bare machine becomes a bot, and stays up: 3 GB of disk, 1.5 GB of memory
#   make demo-vm  the same from power-on: a virtual machine, cloud-init, Azure Files, nobody's hand
#   make test     lint, types, unit, contract and machine tests, and a bot in virtual machines
#   make vm       only that bot: its first boot, and what Azure may do to it
#   make up | down   a machine without a bot; down removes any bench, and says what stays
#   BENCH_NAME=foo   after demo, up, exec, address or down: another bench than "demo"
#   make exec CMD='systemctl status caddy'   a dollar sign reaches the shell inside, $$ as one
#   make exec-vm CMD='clawbot-agent status'
#   make -s address
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

release: $(STAMP)
	$(VENV)/bin/python packaging/release.py prepare $(VERSION)

tag: $(STAMP)
	$(VENV)/bin/python packaging/release.py tag

.PHONY: lock hooks dist release tag demo demo-vm test lint types unit contract machine vm up exec exec-vm \
	address down clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@$(PYTHON) -m tests.bench.demo $(BENCH_NAME)

demo-vm: $(STAMP)
	@$(VENV)/bin/python -m tests.bench.demo_vm

test: lint types unit contract machine vm

# from the lock alone, by hash; only root can install what the host lacks
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
	$(VENV)/bin/python -m tests.support.check_language
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

# a bot from power-on through all that happens to it; beside it one by QEMU, up to the gateway
vm: $(STAMP)
	$(VENV)/bin/pytest -v --durations=12 tests/vm

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
