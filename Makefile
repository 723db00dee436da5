# The commands of this repository; `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help deploy test check checks fast-tests lint types contracts generated suite node-packages campaign bench pulumi kafka examples docs package lock clean

VENV := .venv
EVENT_EXTRAS := --extra kafka --extra nats --extra rabbitmq --extra redis --extra webhooks
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check
COMPILE = $(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal \
	--python-version 3.11 --generate-hashes --no-header --no-annotate
LOCK = $(COMPILE) pyproject.toml $(VENV)/build.in
ADAPTERS := from semantest_iac.infrastructure.artifacts.requirements.python_requirements import ADAPTERS; \
	print(*map("".join, ADAPTERS.items()), sep="\n")
# The files are complete and installed as they are: pip resolves nothing, so a release elsewhere changes nothing here.
# The build runs without isolation, so what it needs is locked too; hatchling asks for editables only when it runs.
BUILD_NEEDS := import tomllib; file = open("pyproject.toml", "rb"); \
	print(*tomllib.load(file)["build-system"]["requires"], "editables>=0.5", sep="\n")
# Hundreds of processes import the same modules: their bytecode is kept, whatever the caller's variables say.
export PYTHONDONTWRITEBYTECODE :=
# Two more than the two cores of the continuous build: many tests wait for processes that they started.
WORKERS ?= 4
PROVIDER ?= aws
ARGS ?=
FAST_TESTS = tests/architecture tests/unit
# Each check uses one core, a download waits for the network.
CONCURRENTLY = $(MAKE) --no-print-directory -j 2
# The word after `campaign` is its name, and no target.
CAMPAIGN := $(if $(filter campaign,$(firstword $(MAKECMDGOALS))),$(word 2,$(MAKECMDGOALS)))

# A name on the PATH may be a shim without a Python behind it, and Debian's python3 may lack ensurepip: ask each.
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c '$(FITS)' >/dev/null 2>&1 && echo $$name && break; done)

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

deploy: $(VENV)/deploy.stamp ## deploy the REST API in the sandbox; PROVIDER=azure, ARGS="--json" add options
	@$(BIN)/python -m semantest_iac deploy --component rest-api --provider $(PROVIDER) $(ARGS)

test: $(VENV)/test.stamp ## run every check and every test
	@$(CONCURRENTLY) checks node-packages examples
	@$(MAKE) --no-print-directory suite

check: $(VENV)/test.stamp ## run every check and the fast tests; about three minutes
	@$(CONCURRENTLY) checks
	@$(MAKE) --no-print-directory fast-tests

checks: types lint contracts generated

fast-tests: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n $(WORKERS) $(FAST_TESTS)

lint: $(VENV)/test.stamp
	$(BIN)/python tools/check_locks.py
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: $(VENV)/test.stamp
	$(BIN)/mypy --no-error-summary semantest_iac events/semantest_iac_events tests tools benchmarks

contracts: $(VENV)/test.stamp
	$(BIN)/lint-imports --no-logo

generated: $(VENV)/test.stamp
	$(BIN)/python tools/generate_event_contract.py --check
	$(BIN)/python tools/generate_aws_schemas.py --check
	$(BIN)/python tools/generate_azure_shapes.py --check
	$(BIN)/python tools/generate_environments.py --check
	$(BIN)/python tools/generate_aws_permissions.py --check
	$(BIN)/python tools/generate_command_reference.py --check
	$(BIN)/python tools/generate_key_reference.py --check
	$(BIN)/python tools/generate_python_reference.py --check
	$(BIN)/python tools/generate_sbom.py --check
	$(BIN)/python tools/generate_error_reference.py --check

suite: $(VENV)/test.stamp node-packages examples
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=
	@printf 'Branch coverage of domain and application, in %%: '
	@$(BIN)/coverage report --format=total --fail-under=90

node-packages: ## download the npm packages of the tests, by their hashes; without them the tests that need them are skipped
	@command -v npm >/dev/null || echo "npm is not on the PATH: the tests of builds and of Azure's blobs are skipped"
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(VENV)/node/node.stamp $(VENV)/azurite/node.stamp || \
		echo "npm reaches no registry: the tests of builds and of Azure's blobs are skipped"

campaign: $(VENV)/test.stamp ## list the long tests of which `make test` runs a sample; `make campaign NAME` runs one
	@$(BIN)/python -m tests.campaigns $(if $(CAMPAIGN),$(CAMPAIGN) --workers $(WORKERS) $(ARGS))

ifneq ($(CAMPAIGN),)
.PHONY: $(CAMPAIGN)
$(CAMPAIGN): ; @:
endif

bench: $(VENV)/test.stamp ## measure, and write docs/benchmarks.md; ARGS="startup" measures one area
	$(BIN)/python -m benchmarks.run $(ARGS)

pulumi: ## build the Pulumi CLI from its sources with Go, once, into the cache folder (about 7 minutes)
	@tools/pulumi-cli/build

kafka: ## download Kafka's server for the tests with Maven, by the hashes of its files, once, into the cache folder
	@tools/kafka/build

examples: $(VENV)/test.stamp ## download the packages of the documented examples by hash, once, into the cache folder
	@$(BIN)/python tools/download_examples.py

docs: $(VENV)/docs.stamp ## build the site of the documents into dist/docs, without a warning; about half a minute
	@$(VENV)/docs/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --doctree-dir $(VENV)/docs/doctrees \
		--builder html docs dist/docs
	@echo "dist/docs/index.html"

package: $(VENV)/deploy.stamp ## build the wheel and the source distribution into dist/
	@$(BIN)/python -m hatchling build -d dist

lock: $(VENV)/lock/bin/uv ## resolve the requirement files again
	@$(BIN)/python -c '$(BUILD_NEEDS)' > $(VENV)/build.in
	$(LOCK) --extra aws --extra azure --extra gateway --extra object-store --extra postgres --extra telemetry \
		$(EVENT_EXTRAS) --extra dev --group pyproject.toml:models \
		--output-file requirements/test.txt
	$(LOCK) --extra aws --extra azure --extra gateway --extra telemetry --constraint requirements/test.txt --output-file requirements/deploy.txt
	$(LOCK) --extra aws --extra azure --extra object-store --extra postgres --extra telemetry \
		$(EVENT_EXTRAS) --constraint requirements/test.txt --output-file requirements/worker.txt
	$(COMPILE) --group pyproject.toml:docs --output-file requirements/docs.txt
	$(COMPILE) --group pyproject.toml:examples --output-file requirements/examples.txt
	@$(BIN)/python -c '$(ADAPTERS)' > $(VENV)/adapters.in
	$(COMPILE) $(VENV)/adapters.in --constraint requirements/examples.txt \
		--output-file semantest_iac/payloads/python_application/adapters.txt
	@$(BIN)/python tools/check_locks.py --write
	@$(BIN)/python tools/lock_wheels.py
	@$(BIN)/python tools/generate_sbom.py

clean: ## remove what these commands created, except deployments
	rm -rf $(VENV) dist .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/made.stamp:
	$(if $(PYTHON),,$(error Cannot make $(VENV): no Python >= 3.11 with venv and ensurepip on the PATH))
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/deploy.stamp: requirements/deploy.txt pyproject.toml | $(VENV)/made.stamp
	@echo "installing what deploy needs, about a minute"
	@$(PIP) install --no-deps --require-hashes -r requirements/deploy.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: requirements/test.txt $(VENV)/deploy.stamp
	@echo "installing what the tests need, about a minute"
	@$(PIP) install --no-deps --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/docs.stamp: requirements/docs.txt | $(VENV)/made.stamp
	@$(BIN)/python -m venv --clear $(VENV)/docs
	@$(VENV)/docs/bin/python -m pip --quiet --no-input --disable-pip-version-check install --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/%/node.stamp: tests/%/package-lock.json | $(VENV)/made.stamp
	@mkdir -p $(@D) && cp tests/$*/package.json tests/$*/package-lock.json $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/lock/bin/uv: | $(VENV)/made.stamp
	@$(BIN)/python -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --quiet install uv
