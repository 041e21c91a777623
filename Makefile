# Everything a newcomer types. The targets are thin: cargo builds, the `freehold` command does the rest.

CARGO ?= cargo
TARGET_DIR ?= $(or $(CARGO_TARGET_DIR),target)
# Options for the command behind a target: `make dev ARGS=--detach`, `make bench ARGS=--scale=0.1`.
ARGS ?=

# One set of features for all targets of a profile: building the workspace as a whole, in whatever part, never compiles a dependency twice.
BINARIES = --bin freehold --bin freehold-engine --bin freehold-images

.PHONY: help dev dev-stop dev-reset test bench graphiql check fmt bootstrap

help:
	@echo "make dev        run a whole installation on this machine (ARGS=--detach: in the background)"
	@echo "make dev-stop   stop the one in the background"
	@echo "make dev-reset  stop it and delete its data"
	@echo "make test       run every test, on servers it starts itself"
	@echo "make bench      compare the engine with a hand-written server"
	@echo "make graphiql   build GraphiQL's bundle (needs npm)"
	@echo "make check      run what CI runs"
	@echo "make fmt        format the sources"

dev: bootstrap graphiql
	$(CARGO) build --locked --release $(BINARIES)
	@$(TARGET_DIR)/release/freehold dev $(ARGS)

dev-stop:
	@test ! -x $(TARGET_DIR)/release/freehold || $(TARGET_DIR)/release/freehold dev stop

dev-reset:
	@test ! -x $(TARGET_DIR)/release/freehold || $(TARGET_DIR)/release/freehold dev reset

# The tests start the programs themselves; building them here shows the compiler's progress.
test: bootstrap
	$(CARGO) build --locked --workspace --bins
	$(CARGO) test --locked --workspace $(ARGS)

bench: bootstrap
	$(CARGO) build --locked --release --workspace --bins
	@$(TARGET_DIR)/release/bench $(ARGS)

graphiql:
	@.ci/graphiql

check:
	@.ci/run

fmt:
	$(CARGO) fmt --all

bootstrap:
	@.ci/bootstrap
