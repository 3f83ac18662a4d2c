# Connek's front door. Each target does all its own set-up; what it does is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help build run test lint fuzz bench proof soak soak-full conformance test-mutants screenshots clean

help: ## lists these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

build: ## installs what is missing, compiles build/release/connek, makes the example's ledger
	@scripts/install build
	@scripts/build release
	@scripts/ledger

run: build ## starts Connek on http://127.0.0.1:8080 with the example organisation; data in var/
	@exec scripts/run

test: ## runs every test; the last line counts them
	@scripts/test

lint: ## format, allowed includes, headers, banned functions, clang-tidy and more
	@scripts/test lint tidy

fuzz: ## each fuzz target for 60 seconds (FUZZ_SECONDS)
	@scripts/fuzz

bench: ## measures, beside nginx; writes build/bench.json
	@scripts/bench

proof: ## the long forms of the tests; writes build/proof.json
	@scripts/proof

soak: ## tries the promises of reliability for 15 minutes; writes build/soak.json
	@scripts/soak

soak-full: ## the same for 90 minutes, with more rounds
	@scripts/soak --full

conformance: ## the official MCP conformance suite, through Connek; scripts/conformance --direct: without it
	@scripts/conformance

test-mutants: ## takes each security control out in turn: its test has to fail
	@scripts/test-mutants

screenshots: ## pictures of every page of the dashboard, into build/screenshots/
	@scripts/screenshots

clean: ## removes what was built; var/ and node_modules/ stay
	rm -rf build
