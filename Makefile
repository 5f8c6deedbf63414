# Everything happens in .venv, which sets itself up from the hash-locked requirements.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/requirements-dev.txt
BENCH_READY := $(VENV)/requirements-bench.txt
AUDIT := $(VENV)/audit
AUDIT_READY := $(AUDIT)/requirements-audit.txt

.DEFAULT_GOAL := help
.PHONY: help run test sqlite postgresql both programs served contracts nightly check types rules sbom wheel npm bench scale soak mutants unmeasured fmt lock

help:  ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1|/' | column -t -s '|'

# The copy tells what is installed. Nothing is downloaded while it is newer than the lock.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	cp requirements-dev.txt $@

run: export DEBUG ?= 1
run: export EARSHOT_SINGLE_PROCESS ?= 1
run: $(READY)  ## Start the server with demo data on http://$HOST:$PORT/ (127.0.0.1:8000)
	$(PY) manage.py migrate --verbosity 0
	$(PY) manage.py demo
	exec $(PY) -m project

# Promises that a night tries over streams, where `make test` tries a few.
STREAMED := tests/test_conformance.py tests/realtime/transport/test_conversation_renewing.py $(patsubst %,tests/test_%.py,\
	ended_credentials isolation isolation_frames known_leaks known_leaks_of_access known_leaks_of_windows races silence \
	unavailable windows windows_leaks)

# A process that has done its tests takes over half of the other's. While the tests of one run wait,
# those of another compute: two runs at once, each of which tells what it found when it has ended.
SHARED := --numprocesses 2 --dist worksteal
AT_ONCE = +$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
ON_SQLITE := env -u DATABASE_URL -u REDIS_URL
ON_SERVERS := $(PY) -m tests.servers

# Else each process that a test starts compiles everything anew, in a shell that forbids to keep it.
test both: export PYTHONDONTWRITEBYTECODE :=
test: $(READY)  ## Run each test once on SQLite but those that start programs, of its cases the first and some; every line must be covered, also what only PostgreSQL reaches
	$(PY) -m coverage erase
	$(AT_ONCE) sqlite postgresql
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

# Of a test with several cases the first and a tenth of the others: see tests/served.py.
sqlite:
	$(ON_SQLITE) $(PY) -m coverage run -m pytest $(SHARED) --junitxml=var/results/sqlite.xml -m "not (rare or programs)" tests

postgresql:
	$(ON_SERVERS) $(PY) -m coverage run -m pytest --junitxml=var/results/postgresql.xml -m postgresql tests/permissions tests/realtime

# After a change that leaves a line without a test that is measured, though one reaches it. Twice,
# since what a test reaches by chance it may not reach the next time.
unmeasured: export REACHING := 1
unmeasured: $(READY)  ## Find anew which tests need not be measured, in half an hour (tests/measuring.py)
	$(PY) -m coverage erase
	$(AT_ONCE) sqlite postgresql
	$(PY) -m coverage combine --quiet
	mv .coverage var/reached.1
	$(AT_ONCE) sqlite postgresql
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage json --quiet -o var/reached.json
	$(PY) -m tests.measuring var/reached.json var/results/sqlite.xml var/results/postgresql.xml var/reached.1 .coverage

# Of a test with several cases the first. Programs wait, mostly for each other: the rest computes meanwhile.
both: $(READY)  ## Run on PostgreSQL and Valkey what asks the database or the broker, the first case of each test, and what starts servers, browsers or whole projects
	$(AT_ONCE) programs served

programs:
	$(ON_SERVERS) $(PY) -m pytest $(SHARED) --junitxml=var/results/programs.xml -m programs

served:
	$(ON_SERVERS) $(PY) -m pytest $(SHARED) --junitxml=var/results/served.xml -m "served and not (repeats or programs)"

# Spectral, TypeScript, axe and React, of which neither the server nor its other tests know, and a
# Node to run them. Without a network they may be missing: then it says so.
contracts: $(READY)  ## Hold both contracts against the rules of Spectral, TypeScript made of them against real answers, the pages against axe, and the npm package against TypeScript and React
	$(ON_SQLITE) $(PY) -m pytest $(SHARED) tests/contract_asked_briefly.py
	$(ON_SQLITE) $(PY) -m supply.node $(PY) -m pytest $(SHARED) tests/contract_compiled.py tests/pages_by_axe.py tests/client_packaged.py

# A test may take two minutes; ten thousand steps and each way to write take longer.
NIGHTLY := -o faulthandler_timeout=3600 tests/model tests/test_model.py tests/test_whoever_writes.py \
	tests/permissions/review/test_predicting.py tests/contract_asked.py

nightly: export ASKED ?= 20
nightly: export MODEL_STEPS ?= 10000
nightly: export WRITES ?= 0
nightly: export PREDICTIONS ?= 1000
nightly: export EXAMPLES ?= 1000
nightly: $(READY) contracts  ## Take ten thousand random steps, write each row in each way, predict 1,000 changes, on each database, and try 1,000 examples of each kind, and run each case on both databases (MODEL_STEPS=10000 WRITES=0 PREDICTIONS=1000 EXAMPLES=1000)
	$(ON_SQLITE) $(PY) -m pytest $(NIGHTLY)
	$(ON_SQLITE) $(PY) -m pytest -o faulthandler_timeout=3600 $(SHARED) -m "hypothesis or repeats or programs"
	$(ON_SQLITE) TRANSPORT=stream $(PY) -m pytest $(SHARED) $(STREAMED)
	$(ON_SERVERS) $(PY) -m pytest $(NIGHTLY)
	$(ON_SERVERS) $(PY) -m pytest -o faulthandler_timeout=3600 $(SHARED) -m "served and repeats"

check: export DJANGO_SETTINGS_MODULE := tests.settings
check: export EARSHOT_REQUIRE_SENSITIVITY := 1
check: $(READY) $(AUDIT_READY)  ## Check format, rules, types, migrations, settings, that nobody is shown more, and known vulnerabilities
	$(AT_ONCE) types rules

types:
	$(PY) -m mypy

rules:
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check
	$(PY) manage.py review --check
	$(PY) -m supply.audit $(AUDIT)/bin/pip-audit

# Tools with packages of their own, which neither the server nor its tests need. Without a network
# they may be missing: then the audit says that there was none.
$(AUDIT_READY): requirements-audit.txt $(READY)
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 10 --require-hashes -r requirements-audit.txt && cp requirements-audit.txt $@ || true

sbom: $(AUDIT_READY)  ## Write the list of the server's packages, as CycloneDX JSON, to var/sbom.cdx.json
	$(AUDIT)/bin/python -m supply.sbom

wheel: $(READY)  ## Make the package that other Django projects install, in var/, and print its size (SOURCE_DATE_EPOCH=)
	$(PY) -m supply.wheel var

npm: $(READY)  ## Make the JavaScript client's package, var/npm/earshot-*.tgz, and print its size
	$(PY) -m supply.npm

# What is measured beside may be missing: then its rows say so, and the others are measured.
$(BENCH_READY): requirements-bench.txt $(READY)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt && cp requirements-bench.txt $@ || true
	npm ci --silent --prefix bench/node || true

bench: $(READY) $(BENCH_READY)  ## Measure beside peers, in some minutes, and write docs/performance.md (ROWS=)
	$(PY) -m bench $(ROWS)

scale: $(READY)  ## Derive docs/scale.md from what `make bench ROWS=units` measured, in seconds
	$(PY) -m bench.scale

soak: $(READY)  ## Break servers, broker and database under load, and judge (SECONDS=120 SOCKETS=300 SEED= FAULTS=)
	$(PY) -m bench.soak

mutants: $(READY)  ## Undo each rule of the hub and the review and each trigger once, and see a test fail
	$(PY) -m tests.mutants
	$(ON_SERVERS) $(PY) -m tests.mutants locks
	$(ON_SQLITE) $(PY) -m pytest tests/mutants_of_capture.py
	$(ON_SERVERS) $(PY) -m pytest tests/mutants_of_capture.py

fmt: $(READY)  ## Format the code
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

lock:  ## Lock the requirements anew (needs uv; UPGRADE=--upgrade takes newer releases)
	$(LOCK) $(UPGRADE) requirements.in --output-file requirements.txt
	$(LOCK) $(UPGRADE) requirements-dev.in --output-file requirements-dev.txt
	$(LOCK) $(UPGRADE) requirements-bench.in --output-file requirements-bench.txt
	$(LOCK) $(UPGRADE) requirements-audit.in --output-file requirements-audit.txt
	$(LOCK) $(UPGRADE) requirements-node.in --output-file requirements-node.txt
