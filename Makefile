# The README's two commands are `make compare` and `make test`. Both first install what is missing,
# and print what they do.
SHELL := /bin/bash
GO ?= go
BENCH := bin/bench
# One set of compiled packages for all targets, which a second checkout shares: no path of this one is in them.
export GOFLAGS := $(filter-out -trimpath,$(shell $(GO) env GOFLAGS)) -trimpath

.PHONY: help build setup compare test proof faults race fuzz lint vuln bench bench-peers accuracy golden notices share wheel image claims-doc \
  release-check kubelab clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/bench
	$(GO) build -buildvcs=auto -o $(BENCH) ./cmd/bench

# The program has to be static, and the one that is called later: the workers' is compared with it.
IMAGE ?= bench
CONTAINERS ?= $(shell command -v podman || echo docker)
image: ## build the image of workers in a Kubernetes cluster: make image IMAGE=registry.example.com/bench:1
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -o $(BENCH) ./cmd/bench
	$(CONTAINERS) build --file Containerfile --tag $(IMAGE) bin

setup: build ## install what is missing: nginx, and Django and uWSGI in their own environment
	$(BENCH) setup

compare: setup ## compare all topologies (about three minutes)
	$(BENCH) compare --topologies all

# Simulations in one goroutine are left to the second run, which has no others: see proof.WithoutRace.
WITHOUT_RACE := grep -rlF --include='*_test.go' 'proof.WithoutRace(' .
test: setup lint ## run all tests with the race detector, on fake and real servers
	$(GO) test -race -timeout 20m ./...
	$(GO) test -timeout 20m -run "^($$($(WITHOUT_RACE) | xargs awk -f internal/proof/tests.awk | paste -sd '|'))$$" \
	  $$($(WITHOUT_RACE) | xargs -n 1 dirname | sort -u)

# Statistical tests import internal/proof; make test runs them in a shortened form.
proof: ## run the statistical tests in full: false alarms, coverage, power (no race detector)
	$(GO) test -tags proof -timeout 20m $$(grep -rl --include='*_test.go' '"bench/internal/proof"' . | xargs -n 1 dirname | sort -u)

# Tests of docs/FAULTS.md on every engine.
ENGINES := EveryEnd|Unruly|NoRequest|Dropped|Wrk|ClosedConnections|FewPorts|PeakMemory|WallClock|MemoryIsFlat
# docs/FAULTS.md says what each of these shows, and what they measured.
faults: setup ## try the faults of docs/FAULTS.md: kills, full disks, evil servers, hostile texts (ten minutes)
	set -o pipefail; BENCH_KILLS=18 $(GO) test -count 1 -v -parallel 3 -run 'TestEndsAt' ./cmd/bench | grep -E '^( |---|ok|FAIL)'
	set -o pipefail; $(GO) test -count 1 -v -run 'TestKilledBench|TestHarmedServers' ./cmd/bench | grep -E '^( |---|ok|FAIL)'
	$(GO) test -count 1 -run 'TestScripts/(faults|boot)|TestNoText|TestNoSecret|TestOnlyAPerson' ./cmd/bench
	set -o pipefail; $(GO) test -count 1 -v -tags proof -run 'Simulated' ./results ./experiments | grep -E '^( |---|ok|FAIL)'
	$(GO) test -count 1 ./results ./internal/... ./reports/page
	$(GO) test -count 1 -run 'Evil|Guard|Refused|TooFew|Interruption|Outlive|Allocation|$(ENGINES)' ./loadgen/...
	$(GO) test -count 1 -run 'Hopeless' ./cmd/bench
	$(GO) test -count 1 -run 'LocalWorkers' ./fleet/place
	$(GO) test -count 1 -run 'Ports|BootError|Diagnose|Paths|Rendered' ./servers

race: test ## same as test, which always uses the race detector

# Each fuzz target runs for a minute; set FUZZTIME=10m to run longer. By default Go would spend a minute of
# that on making each new input smaller, which left some targets with ten runs in all.
FUZZTIME ?= 60s
fuzz: ## fuzz every parser and decoder
	@set -e; for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for target in $$(grep -oE '^func Fuzz\w+' $$file | cut -d' ' -f2); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x ./$$(dirname $$file); \
	  done; done

lint: ## run gofmt, go vet and staticcheck, and compile for a system other than Linux
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	GOOS=darwin $(GO) build ./...

vuln: ## look for known vulnerabilities in dependencies (queries the Go vulnerability database)
	$(GO) tool govulncheck ./...

bench: ## run the benchmarks of the hot path
	$(GO) test -run '^$$' -bench . -benchmem ./...

bin/floor: loadgen/accuracy/floor/floor.c
	@mkdir -p bin
	$(CC) -O2 -o $@ $<

bench-peers: build bin/floor ## compare the engines with wrk, h2load, hey, vegeta, k6 and autocannon, if installed
	$(BENCH) selftest peers --floor bin/floor

accuracy: build ## check what the engines report against independently known figures (about ten minutes)
	$(BENCH) selftest accuracy

golden: ## rewrite the golden files; review them with git diff
	$(GO) test ./results ./servers ./reports/compare ./reports/gate -update
	$(GO) test ./cmd/bench -run 'Schemas|Reference' -update

# The figures of docs/CLAIMS.md and the README's table are those of a run: bench claims --thorough, and then this.
claims-doc: build ## write docs/CLAIMS.md with its pictures, and the README's table: make claims-doc RUN='bench-runs/...'
	for run in $(RUN); do $(BENCH) report $$run > /dev/null || exit; done
	mkdir -p docs/images/claims && rm -f docs/images/claims/*.svg
	sed '/^<!-- from here on/q' docs/CLAIMS.md > bin/claims.md
	for run in $(RUN); do cp $$run/plots/*.svg docs/images/claims/ && \
	  sed 's,](plots/,](images/claims/,; s,$(HOME)/,~/,g' $$run/claims.md >> bin/claims.md && echo >> bin/claims.md; done
	mv bin/claims.md docs/CLAIMS.md
	awk -f docs/claims-table.awk docs/CLAIMS.md README.md > bin/readme.md
	mv bin/readme.md README.md

# A release: `goreleaser release` (.goreleaser.yaml) makes archives, deb, rpm, checksums and SBOMs of what
# these targets write; CONTRIBUTING.md has the steps.
VERSION ?= 0.0.0.dev0

notices: ## write THIRD-PARTY.md: the licences of what the binary contains
	$(GO) run ./cmd/release notices

share: ## write the manual pages and the shells' completions to bin/share
	rm -rf bin/share && mkdir -p bin/share/man bin/share/completions
	$(GO) run ./cmd/bench man bin/share/man
	gzip -9n bin/share/man/*.1
	for shell in bash zsh fish powershell; do \
	  $(GO) run ./cmd/bench completion $$shell > bin/share/completions/bench.$$shell; done

wheel: build ## pack bin/bench into a Python wheel in dist/
	mkdir -p dist
	$(GO) run ./cmd/release wheel --version $(VERSION) --platform "$$($(GO) env GOOS)/$$($(GO) env GOARCH)"

release-check: share ## build a release for every platform twice, compare, pack, and install it on clean prefixes
	$(GO) test -tags release -count 1 -timeout 20m -v ./cmd/release

# A module of its own, so that bench's has none of its dependencies. The first build takes about seven minutes of CPU
# time; bin/ and Go's cache keep it. docs/MANY-MACHINES.md says what each case shows, and what it measured.
VERSION_OF := k8s.io/component-base/version
LAB := $(CURDIR)/bin/kubelab
OTHER_KUBECTL ?= $(shell command -v kubectl)
# Two images: this bench, and one that differs from it by a byte.
kubelab: ## run loads from pods of a real Kubernetes control plane, built from its modules (as root; ten minutes)
	mkdir -p $(LAB)
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -o $(LAB)/bench ./cmd/bench
	cp $(LAB)/bench $(LAB)/other && echo >> $(LAB)/other
	cd test/kubelab && version=$$($(GO) list -m -f '{{.Version}}' k8s.io/kubernetes) && \
	  $(GO) build -o $(LAB)/kubelab -ldflags "-s -w -X $(VERSION_OF).gitVersion=$$version" .
	cd test/kubelab && CGO_ENABLED=0 $(GO) test -c -o $(LAB)/cases ./cases
	set -o pipefail; cd test/kubelab/cases && BENCH=$(LAB)/bench KUBELAB_KUBECTL=$(OTHER_KUBECTL) $(LAB)/kubelab up \
	  --user loader --user stranger --user onlooker \
	  --image kubelab.test/bench:1=$(LAB)/bench --image kubelab.test/other:1=$(LAB)/other \
	  -- $(LAB)/cases -test.v -test.count=1 $(if $(CASES),-test.run '$(CASES)') \
	  | sed -uE 's/^=== RUN +/\n/; s/^( +)[a-z]+_test.go:[0-9]+: /\1/'

clean: ## remove everything built and measured
	rm -rf bin dist bench-runs
