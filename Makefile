# The two commands of the README are `make compare` and `make test`. Both install what is
# missing first and say what they do.
SHELL := /bin/bash
GO ?= go
BENCH := bin/bench

.PHONY: help build setup compare test proof race fuzz lint vuln bench bench-peers accuracy golden clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/bench
	$(GO) build -trimpath -o $(BENCH) ./cmd/bench

setup: build ## install what is missing: nginx, and Django and uWSGI in an environment of their own
	$(BENCH) setup

compare: setup ## the main job: compare all topologies (about three minutes)
	$(BENCH) compare --topologies all

test: setup lint ## all tests, with the race detector, on fake and on real servers
	$(GO) test -race -timeout 20m ./...

# The tests that prove by counting import internal/proof; make test runs them in a shortened form.
proof: ## prove in full what is proven by counting: false alarms, coverage, power (no race detector)
	$(GO) test -tags proof -timeout 20m $$(grep -rl --include='*_test.go' '"bench/internal/proof"' . | xargs -n 1 dirname | sort -u)

race: test ## the same: the tests always run with the race detector

# Each fuzz target for a moment; FUZZTIME=10m for a longer look.
FUZZTIME ?= 10s
fuzz: ## fuzz every parser and decoder
	@set -e; for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for target in $$(grep -oE '^func Fuzz\w+' $$file | cut -d' ' -f2); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file); \
	  done; done

lint: ## gofmt, go vet, staticcheck, and that it compiles without Linux
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	GOOS=darwin $(GO) build ./...

vuln: ## known vulnerabilities in what is used (asks the Go vulnerability database)
	$(GO) tool govulncheck ./...

bench: ## benchmarks of the hot path
	$(GO) test -run '^$$' -bench . -benchmem ./...

bin/floor: loadgen/accuracy/floor/floor.c
	@mkdir -p bin
	$(CC) -O2 -o $@ $<

bench-peers: build bin/floor ## the engines beside wrk, h2load, hey, vegeta, k6, autocannon, as far as they are installed
	$(BENCH) selftest peers --floor bin/floor

accuracy: build ## what the engines report, against what is known without them (about ten minutes)
	$(BENCH) selftest accuracy

golden: ## write the golden files anew, to be looked at with git diff
	$(GO) test ./results ./servers ./reports ./reports/gate -update

clean: ## remove what was built and measured
	rm -rf bin bench-runs
