# The two commands: `make up` (a running DMP) and `make test` (every test).
#
# Build caches live outside the checkout, in $(DMP_CACHE); nothing else is kept there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

NAME ?= dmp
export DMP_CACHE ?= $(HOME)/.cache/dmp
export CARGO_TARGET_DIR ?= $(DMP_CACHE)/target
export DMP_TESTDATA ?= $(abspath $(CURDIR)/../shared/testdata)
export CARGO_TERM_COLOR ?= never
BIN := $(CARGO_TARGET_DIR)/debug
PLAINTEXT := $(CARGO_TARGET_DIR)/plaintext-at-rest

# Packages of Debian that building and testing need; what the appliance needs at run time it installs itself.
PACKAGES := build-essential cmake postgresql-15 runc iproute2 nftables iptables conntrack socat mmdebstrap busybox-static zstd util-linux prometheus

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: up
up: build ## A running DMP: Kubernetes, OpenBao, PostgreSQL, operator, services, two health groups, the demonstration
	@$(BIN)/dmpctl up --name $(NAME)

.PHONY: down
down: ## Ends the appliance's processes, namespaces, mounts, cgroups; keeps its data
	@[ ! -x $(BIN)/dmpctl ] || $(BIN)/dmpctl appliance down --name $(NAME)

.PHONY: clean
clean: down ## Removes the appliance's data too
	@[ ! -x $(BIN)/dmpctl ] || $(BIN)/dmpctl appliance clean --name $(NAME)

# cargo takes the crates of one checkout for those of another when both build into one folder and the other's are older. Files that were
# touched since the last build are never taken for anything else.
.PHONY: checkout
checkout:
	@mkdir -p $(CARGO_TARGET_DIR); [ "$$(cat $(CARGO_TARGET_DIR)/checkout 2>/dev/null)" = "$(CURDIR)" ] || { \
	  find . -name .git -prune -o -type f -exec touch --no-create {} +; echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/checkout; }

# cargo keeps what it built of our own crates for every change and every choice of features: tens of gigabytes in a day. Without room
# they go, and are built again; what they depend on stays. A small machine where that would bring nothing keeps what it has.
ROOM := 25
.PHONY: room
room: checkout
	@free=$$(df --output=avail -BG $(CARGO_TARGET_DIR) | tail -1 | tr -dc 0-9); [ "$$free" -ge $(ROOM) ] || \
	[ "$$(du -s -BG $(CARGO_TARGET_DIR) | tr -dc '0-9\t' | cut -f1)" -lt $(ROOM) ] || { \
	  echo "$$free GiB free, fewer than $(ROOM): our own crates are built again"; cargo clean --locked --workspace; }

.PHONY: deps
deps: room ## Installs the Debian packages that are missing, and fetches the pinned OpenBao
	@missing=$$(for p in $(PACKAGES); do [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  [ "$$(id -u)" = 0 ] || { echo "make deps: not root, and these packages are missing:" $$missing; exit 1; }; \
	  echo "installing" $$missing; \
	  apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@for tool in cargo go; do command -v $$tool >/dev/null || { echo "make: $$tool is not installed: install Rust 1.95 (rustup) and Go 1.26"; exit 1; }; done
	@tests/kit/fetch-bao.sh

.PHONY: build
build: deps ## Builds every binary and puts dmpctl and dmp-verify into bin/
	@cargo build --locked --workspace --bins
	@mkdir -p bin && for b in dmpctl dmp-verify dmp-solution; do ln -sf $(BIN)/$$b bin/$$b; done

.PHONY: lint
lint: deps ## Formatting and lints, warnings are errors
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: crds
crds: ## Writes crds/ from the types
	@cargo run --locked -q -p dmp-api --bin crdgen

.PHONY: observability
observability: ## Writes dashboards and PrometheusRule from their description and the rules
	@cargo run --locked -q -p dmp-observability --bin observability

.PHONY: controls
controls: ## Writes docs/security/controls.md and admission.md from policies/ and the admission policies
	@cargo run --locked -q -p dmp-policies --bin controls

.PHONY: vendor-docs
vendor-docs: ## Writes what docs/vendor has from the code: requirements, and the guichet's description (OpenAPI)
	@cargo run --locked -q -p dmp-conformance --bin vendor_docs
	@cargo run --locked -q -p dmp-portal --bin guichet_openapi

.PHONY: test-fast
test-fast: lint ## Every test but the cluster's: unit, and integration on real PostgreSQL and OpenBao processes
	@cargo test --locked --workspace --no-fail-fast --exclude dmp-e2e --exclude dmp-faults
	@cargo test --locked -p dmp-faults --lib

.PHONY: parts
parts: build ## Builds the pinned Kubernetes parts and the images (tests of the operator use a real API server)
	@$(BIN)/dmpctl appliance images --name e2e

# The search for readable data must find it when it is there (docs/decisions/0004). cargo keeps both builds side by side.
.PHONY: plaintext
plaintext: build ## A `dmp` that does not encrypt, for the one test that must find it
	@cargo build --locked --workspace --bin dmp --features dmp/plaintext-at-rest
	@mkdir -p $(PLAINTEXT) && rm -f $(PLAINTEXT)/dmp && mv $(BIN)/dmp $(PLAINTEXT)/dmp && ln -f $(BIN)/dmp-operator $(PLAINTEXT)/dmp-operator
	@cargo build --locked --workspace --bins

# Everything is built before an appliance runs: a compiler beside it takes its processors, and its pods are ended by their probes.
# DMP_E2E_KEEP=1 leaves the appliance as it is, to look at it and to run the suite again on it. Another cluster is a second appliance:
# it has the machine for itself, after the first.
E2E := cargo test --locked -p dmp-e2e -- --test-threads=1 --nocapture
.PHONY: test-e2e
test-e2e: plaintext ## The end-to-end suite and the short fault suite, on an appliance of its own
	@cargo test --locked -p dmp-e2e --no-run && cargo test --locked -p dmp-faults --test faults --no-run
	@status=0; $(E2E) --skip other_cluster || status=$$?; \
	DMP_FAULTS_APPLIANCE=e2e $(FAULTS) short:: || status=$$?; \
	if [ -z "$${DMP_E2E_KEEP:-}" ]; then for name in e2e e2eopen; do $(BIN)/dmpctl appliance clean --name $$name || status=1; done; fi; \
	$(E2E) other_cluster:: || status=$$?; \
	for name in oth othup; do $(BIN)/dmpctl appliance clean --name $$name || status=1; done; exit $$status

FAULTS := cargo test --locked -p dmp-faults --test faults -- --test-threads=1 --nocapture

# Of a release build: its times are those of an installation, as far as one machine can be three nodes.
FAULTS_MEASURED := $(subst test --locked,test --locked --release,$(FAULTS))
.PHONY: faults
faults: deps ## The whole fault suite, of a release build, on appliances of its own (about an hour); writes docs/faults.md
	@cargo build --locked --release --workspace --bins
	@rm -rf artifacts/faults; status=0; clean="$(CARGO_TARGET_DIR)/release/dmpctl appliance clean"; \
	$(FAULTS_MEASURED) nodes:: || status=$$?; $$clean --name flt3 || status=1; \
	$(FAULTS_MEASURED) --skip short:: --skip nodes:: || status=$$?; $$clean --name flt || status=1; \
	[ $$status != 0 ] || $(CARGO_TARGET_DIR)/release/faults-table; exit $$status

# The programs of another commit beside this one's, then an upgrade from it with traffic running. Both commits share what they depend
# on in one cache; the wrapper, which does nothing, keeps cargo from taking one's own crates for the other's.
PREVIOUS ?= HEAD~1
SOURCE := $(DMP_CACHE)/previous-source
.PHONY: upgrade-test
upgrade-test: parts ## Installs the release of commit PREVIOUS (default HEAD~1) and upgrades it under traffic
	@rm -rf $(SOURCE) && mkdir -p $(SOURCE) $(CARGO_TARGET_DIR)/previous
	@git archive $(PREVIOUS) | tar -x --touch -C $(SOURCE)
	@printf '#!/bin/sh\nexec "$$@"\n' > $(SOURCE)/wrapper && chmod +x $(SOURCE)/wrapper
	@cd $(SOURCE) && RUSTC_WORKSPACE_WRAPPER=$(SOURCE)/wrapper cargo build --locked --workspace --bins
	@mv -f $(BIN)/dmp $(BIN)/dmp-operator $(BIN)/dmpctl $(CARGO_TARGET_DIR)/previous/
	@rm -rf $(SOURCE)
	@cargo build --locked --workspace --bins
	@! cmp -s $(BIN)/dmp-operator $(CARGO_TARGET_DIR)/previous/dmp-operator || { echo "upgrade-test: both commits make the same programs: set PREVIOUS"; exit 1; }
	@cargo test --locked -p dmp-e2e -- --test-threads=1 --nocapture other_cluster_upgrade

# GROUPS=1000 is the stress. The table of docs/performance.md is replaced.
GROUPS ?= 100
.PHONY: bench-operator
bench-operator: deps ## Measures the control plane with GROUPS health groups (a release build; run `make parts` once before)
	@cargo build --locked --release -p dmp-operator -p dmp-bench --bins
	@$(CARGO_TARGET_DIR)/release/dmp-bench operator --groups $(GROUPS) --write docs/performance.md

.PHONY: bench-admission
bench-admission: deps ## Measures what the admission policies cost a request (a release build; run `make parts` once before)
	@cargo build --locked --release -p dmp-bench --bins
	@$(CARGO_TARGET_DIR)/release/dmp-bench admission --write docs/performance.md

.PHONY: bench-credentials
bench-credentials: deps ## Measures a gateway and the operator with 100,000 credentials (a release build; run `make parts` once before)
	@cargo build --locked --release -p dmp -p dmp-operator -p dmp-bench --bins
	@$(CARGO_TARGET_DIR)/release/dmp-bench credentials --write docs/performance.md

# About a quarter of an hour. A release build of everything; the appliance `bench` is removed afterwards.
.PHONY: bench-revocation
bench-revocation: parts ## Measures 200 revocations under 500 requests a second through both gateways, on an appliance of its own
	@cargo build --locked --release -p dmp -p dmp-operator -p dmp-bench --bins
	@status=0; $(CARGO_TARGET_DIR)/release/dmp-bench revocation --write docs/performance.md || status=$$?; \
	$(BIN)/dmpctl appliance clean --name bench || status=1; exit $$status

.PHONY: test
test: lint parts test-fast test-e2e ## Every test
