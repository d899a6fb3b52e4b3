# The bench: a bare instance and Azure around it, on this host. Needs root and Python 3.11.
#   make up | down
#   make exec CMD='systemctl status caddy'   a dollar sign reaches the shell inside, $$ as one
#   make -s address
# GNU make turns every exit code but 0 into 2; `python3 -m tests.bench exec …` passes it on as it is.
PYTHON ?= python3
BENCH_NAME ?= demo
BENCH = $(PYTHON) -m tests.bench --name $(BENCH_NAME)

# by the environment and not by the recipe, so that no quote in it is ever read by another shell
override CMD := $(subst $$$$,$$,$(value CMD))
export CMD

.PHONY: up exec address down
up:
	@$(BENCH) up

exec:
	@$(BENCH) exec

address:
	@$(BENCH) address

down:
	@$(BENCH) down
