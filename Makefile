# Everything a newcomer needs; `make help` lists it. Needs python3 (3.11 or newer), pip and make, no root.

PORT ?= 8000
ROWS ?= 1000000
SCHOOLS ?= 5
ROUNDS ?= 3
PY := .venv/bin/python
UV := deploy/uv
INSTALL := $(UV) pip install --quiet --python $(PY) --require-hashes
CHECKED := school_app $(wildcard workers wsgi.py)

.DEFAULT_GOAL := help
.PHONY: run stack test test-mysql soak lint format bench bench-replica bench-audit requirements clean help

run: .venv/.base-installed ## Show a living school at http://127.0.0.1:8000/ (PORT=8123 for another port)
	@mkdir -p var/run
	@FORMROOM_ENV=embedded FORMROOM_DATA_DIR=var/run FORMROOM_LOG_LEVEL=WARNING \
		FORMROOM_BASE_URL=http://127.0.0.1:$(PORT) \
		exec $(PY) -m flask --app wsgi demo serve --port $(PORT)

stack: .venv/.base-installed ## The same on private MariaDB and Redis, with workers and scheduler (DEMO=no: without demo data)
	@exec python3 deploy/stack --port $(PORT) $(if $(filter no,$(DEMO)),--no-demo)

test: .venv/.dev-installed .cache/s3/.installed ## Run all tests on private MariaDB and Redis (ARGS='tests/alerts -k risk' for some)
	@deploy/browser
	@exec deploy/with-services $(PY) -m pytest $(ARGS)

test-mysql: .venv/.dev-installed .cache/s3/.installed ## Run all tests on the MySQL server that MYSQL_URL names
	@test -n "$(MYSQL_URL)" || { echo "Set MYSQL_URL to an empty database, as in mysql+pymysql://root@127.0.0.1:3306/school"; exit 2; }
	@deploy/browser
	@FORMROOM_TEST_DATABASE_URL="$(MYSQL_URL)" exec deploy/with-services $(PY) -m pytest $(ARGS)

soak: .venv/.dev-installed .cache/s3/.installed ## Run the tests that take long: a thousand cases where `make test` has some tens
	@exec deploy/with-services $(PY) -m pytest -m soak $(ARGS)

lint: .venv/.dev-installed ## Check style, types and who imports whom
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	$(PY) -m mypy $(CHECKED)
	.venv/bin/lint-imports --no-cache

format: .venv/.dev-installed ## Put every file into the one format
	.venv/bin/ruff check --fix-only --quiet
	.venv/bin/ruff format

bench: .venv/.base-installed ## Put generated schools under load: 5,000 sessions, growth, the knee (SCHOOLS="5 50" ROUNDS=5)
	@exec $(PY) -m bench --schools $(SCHOOLS) --rounds $(ROUNDS) $(ARGS)

bench-replica: .venv/.dev-installed ## Let a replica lag, stop, die and return under load: no errors, own writings seen
	@exec deploy/with-services $(PY) -m bench.load.replica $(ARGS)

bench-audit: .venv/.dev-installed ## Race the archive run against pt-archiver, up to ROWS=1000000 audit rows (MYSQL_URL: on that server too)
	@exec deploy/with-services --durable $(PY) -m bench.audit --rows $(ROWS) $(ARGS)

requirements: .tools/bin/uv ## Choose the newest versions that pyproject.toml allows and pin them with their hashes
	echo 'uv' | $(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate - --output-file requirements/uv.txt
	echo 'moto[s3,server]' | $(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --universal --python-version 3.11 - --output-file requirements/s3.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --universal pyproject.toml --output-file requirements/base.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --universal pyproject.toml --extra cold --constraint requirements/base.txt --output-file requirements/cold.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --universal pyproject.toml --extra cold --group dev --constraint requirements/base.txt --constraint requirements/cold.txt --output-file requirements/dev.txt

clean: ## Remove what the commands above have made, the demo's data included
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis var

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

.tools/bin/uv: requirements/uv.txt
	@rm -rf .tools
	@PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --target .tools --require-hashes --requirement requirements/uv.txt
	@touch .tools/bin/uv

.venv/pyvenv.cfg: .tools/bin/uv
	@test -x $(PY) || $(UV) venv --quiet --clear --python '>=3.11' .venv
	@touch $@

.venv/.base-installed: requirements/base.txt .venv/pyvenv.cfg
	@$(INSTALL) --requirement requirements/base.txt
	@touch $@

.venv/.cold-installed: requirements/cold.txt .venv/.base-installed
	@$(INSTALL) --requirement requirements/cold.txt
	@touch $@

.venv/.dev-installed: requirements/dev.txt .venv/.base-installed
	@$(INSTALL) --requirement requirements/dev.txt
	@touch $@

# An S3 server for the tests, in an environment of its own: it needs other versions of what the product needs.
.cache/s3/.installed: requirements/s3.txt .tools/bin/uv
	@$(UV) venv --quiet --clear --python '>=3.11' .cache/s3
	@$(UV) pip install --quiet --python .cache/s3/bin/python --require-hashes --requirement requirements/s3.txt
	@touch $@
