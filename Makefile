# Bare `make` lists the targets. Everything needs only Go, git and make; tools
# are installed into .tools/bin on first use (tools/install.sh), the Kubernetes
# control plane of the tests into ~/.cache/clusterbin (test/clusterbin/build.sh).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# One value everywhere: the build caches of cgo on and off are separate, and
# filling one takes minutes. Only the race detector turns it on.
export CGO_ENABLED := 0
export GOWORK := off

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/akohub/akohub/pkg/version.Version=$(VERSION)

# go test arguments, e.g. make unit ARGS='-run TestNames ./hub/translate'
ARGS ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-18s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: ## build the programs into bin/
	go build -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: demo
demo: build clusterbin ## run two clusters, the hub and a simulated Avi; DEMO=once ends by itself
	@tools/install.sh helm kubectl
	@go build -o .cache/demo ./test/demo
	@export CLUSTERBIN="$$(test/clusterbin/build.sh)" PATH="$(CURDIR)/.tools/bin:$$PATH" DEMO='$(DEMO)' && exec .cache/demo

.PHONY: test
test: clusterbin ## run all tests with the race detector (the first run on a machine takes 15 minutes more)
	@tools/install.sh gotestsum helm
	$(if $(ARGS),,tools/gotest.sh -C third_party/alb-sdk ./...)
	export CLUSTERBIN="$$(test/clusterbin/build.sh)" && tools/gotest.sh $(or $(ARGS),./...)

.PHONY: unit
unit: ## run the fast tests, without clusters and race detector
	RACE=0 tools/gotest.sh $(or $(ARGS),$$(go list ./... | grep -v /akohub/test/))

.PHONY: e2e
e2e: clusterbin ## run the end-to-end tests on real API servers
	tools/gotest.sh $(or $(ARGS),./test/cluster/... ./test/e2e/...)

.PHONY: parity
parity: clusterbin ## run the AKO parity scenarios on real API servers
	RACE=0 tools/gotest.sh $(or $(ARGS),./test/parity/...)

.PHONY: bench
bench: ## run the benchmarks; compares with .cache/bench/old.txt if you put a run there
	@tools/install.sh benchstat; mkdir -p .cache/bench
	go test -run '^$$' -bench . -benchmem -count 6 $(or $(ARGS),$$(go list ./... | grep -v /akohub/test/)) | tee .cache/bench/new.txt
	@if [ -f .cache/bench/old.txt ]; then .tools/bin/benchstat .cache/bench/old.txt .cache/bench/new.txt; fi

.PHONY: lint
lint: ## run all static checks: Go, proto, charts, shell
	tools/lint.sh

.PHONY: generate
generate: ## write the generated files anew: proto, Avi models, JSON Schema
	tools/generate.sh

.PHONY: verify-generated
verify-generated: ## check that the generated files are up to date
	tools/generate.sh --verify

.PHONY: clusterbin
clusterbin: ## build the Kubernetes control plane of the tests, once per machine (5 to 11 minutes)
	@test/clusterbin/build.sh >/dev/null

.PHONY: tools
tools: ## install all developer tools into .tools/bin
	tools/install.sh

.PHONY: clean
clean: ## remove what was built here (not the control plane in ~/.cache/clusterbin)
	rm -rf bin .tools .cache .demo
