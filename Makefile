# Needs root, Debian 12, Python 3.11. Each target does all its own set-up.
#   make demo     a bare machine becomes a bot, and stays up
#   make demo-vm  the same from power-on: a virtual machine, cloud-init, Azure Files, nobody's hand
#   make test     lint, types, unit, contract and machine tests, and a bot in virtual machines
#   make vm       only that bot: its first boot, and what Azure may do to it
#   make up | down
#   make exec CMD='systemctl status caddy'   a dollar sign reaches the shell inside, $$ as one
#   make exec-vm CMD='clawbot-agent status'
#   make -s address
#   make docs     the documentation's site, in site/
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

# warnings and broken links are errors; the site opens from site/index.html without a server
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

.PHONY: docs lock release demo demo-vm test lint types unit contract machine vm up exec exec-vm \
	address down clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@$(PYTHON) -m tests.bench.demo $(BENCH_NAME)

demo-vm: $(STAMP)
	@$(VENV)/bin/python -m tests.bench.demo_vm

test: lint types unit contract machine vm

$(STAMP): pyproject.toml
	@$(PYTHON) -c "from tests.bench import host_setup; host_setup.ensure(('python3-venv', 'shellcheck'))"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

lint: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	shellcheck bootstrap.sh .ci/run vagrant/*.sh

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
