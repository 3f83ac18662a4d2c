# Connek's front door. Each target does all its own set-up; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help build run test lint fuzz bench proof clean

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

build: ## installs what is missing, compiles build/release/connek
	@scripts/install build
	@scripts/build release
