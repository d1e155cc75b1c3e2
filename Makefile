SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install install-build install-package lab-up lab-down deploy-lab demo test test-pages session \
	session-stack picture circles lint build package schemas \
	bench-timing bench-init bench-dataset bench-renewal bench-resources bench-verdict bench-simulation bench-native bench-latency \
	bench-summarize bench-measure bench-history

# A Python tool that may not keep its bytecode takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE
functions := $(notdir $(wildcard functions/*))
tools := PATH="$(CURDIR)/.venv/bin:$(CURDIR)/.venv/node/node_modules/.bin:$$PATH"
# For x86_64 Linux on any machine: cargo-lambda links with zig for the C library of Lambda.
lambda_build := $(tools) RUSTC_WRAPPER="$(CURDIR)/lab/rustc" \
	RUSTFLAGS="$${RUSTFLAGS:-} -C link-arg=-Wl,-T,$(CURDIR)/lab/no-unwind-tables.ld" cargo lambda build --release --x86-64
lab := source target/lab/env;

help: ## print this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

install: ## install whatever this machine lacks for all of the below
	@lab/install

install-build: ## install only what building for AWS and deploying need
	@lab/install build

install-package: # beside that, what makes the archive
	@lab/install package

lab-up: install ## start AWS on this machine: an emulator, with containers as hosts
	@lab/up

lab-down: ## stop what lab-up has started
	@lab/down

deploy-lab: lab-up ## build the functions and put the stack on the lab
	@lab/deploy

demo: deploy-lab ## make one whole run in the lab, from nothing to a report
	$(lab) target/debug/dicomperf run events/demo.json --out target/demo
	@$(lab) lab/no-hosts-left

test: lab-up ## run every test: units, adapters, the agent against a real Orthanc, whole runs in the lab, pages
	@lab/up --auth
	@lab/deploy & open=$$!; lab/deploy --auth; wait $$open
	@lab/test

test-pages: install ## look at the reports of the last `make test` with a browser: phone, laptop, paper, keyboard, axe-core
	@tests/pages/node_modules/.bin/playwright test --config tests/pages

session: install ## measure an Orthanc on loopback and write the session to docs/session.txt and README.md
	cargo build --release --package dicomperf-cli
	@lab/session measure

session-stack: deploy-lab ## make a run in the lab and write the session to docs/session-stack.txt and README.md
	$(lab) lab/session stack

picture: install ## write docs/report.png from the report that make demo left
	@node tests/pages/picture.js

circles: ## print the largest circle of imports between the files of each crate
	@cargo nextest run --workspace --no-capture --cargo-quiet -E 'binary(definition) & test(/^imports::imports/)'

lint: install ## check formatting, prose, code, documentation, template, state machine and scripts
	cargo fmt --all --check
	lab/doc-style
	lab/session --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet
	cargo nextest run --workspace -E 'binary(definition)'
	shellcheck -x -P SCRIPTDIR .ci/run $$(grep -slE '^#!.*bash' lab/*)
	@# Run Command sets the variables of agent.sh.
	shellcheck --shell sh --exclude SC2154 shared/aws/src/clients/commands/agent.sh shared/model/src/first_boot/*.sh
	$(tools) AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam validate --lint --template template.yaml
	$(tools) cfn-lint template.yaml
	@# Once more as SAM expands it, which is what CloudFormation gets.
	$(tools) lab/expand-template template.yaml >target/expanded.json
	$(tools) cfn-lint target/expanded.json
	@# The validator wants ARNs where the template fills in names.
	sed -e 's/$${Partition}/aws/g' -e 's/$${[A-Za-z]*}/arn:aws:lambda:us-east-1:123456789012:function:name/g' \
		statemachine/run.asl.json >target/run.asl.json
	$(tools) asl-validator --json-path target/run.asl.json
	$(tools) checkov --config-file .checkov.yaml

build: install-build ## build the functions and the agent for AWS: small, and slow to build
	$(lambda_build) $(addprefix --package ,$(functions) dicomperf-agent)
	cp target/lambda/dicomperf-agent/bootstrap target/lambda/run-step/dicomperf-agent

package: install-package build ## build all of it for AWS and pack it into one archive, which deploys without Rust
	$(lambda_build) --package dicomperf-cli
	$(tools) lab/package

schemas: ## write schemas/*.json from the types
	cargo run --quiet --package dicomperf-cli -- schema

bench-timing: install ## compare the agent's durationMs with timing the same storescu by hand: tmpfs, 30 pairs
	cargo build --release --package dicomperf-agent
	DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench timing --profile dev

bench-resources: install ## measure what sampling a host's resources costs, over 60 s beside an Orthanc
	cargo build --release --package dicomperf-agent
	DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench resources --profile dev

bench-simulation: ## measure how often the verdict is wrong, by simulation: the same figures every time; PARTS=change_points chooses
	cargo bench --quiet --package dicomperf-analysis --bench verdict-simulation --profile dev -- $(PARTS)

bench-history: install ## measure how fast the page of 10,000 runs opens and filters in a browser
	cargo nextest run --package dicomperf-report -E 'test(history)'
	@node tests/pages/history-times.js

bench-summarize: ## measure time and memory of summarizing 1,000,000 C-STOREs in the release build
	cargo bench --quiet --package dicomperf-report --bench summarize --profile release

bench-native: install ## compare our own SCU with storescu, dcmsend, dicom-ul and iperf3 on loopback: tmpfs, 10 rounds
	cargo build --release --package dicomperf-agent --bins --example dicom-ul-scu
	DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench native --profile dev

bench-measure: install ## compare measure with the same sender timed by hand, for servers of five kinds: tmpfs, 30 pairs each
	cargo build --release --package dicomperf-agent --package dicomperf-cli --bins
	DICOMPERF=$(CURDIR)/target/release/dicomperf DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench measure --profile dev

bench-latency: install ## compare the C-STORE times that senders report with a packet capture (as root: tcpdump)
	cargo build --release --package dicomperf-agent
	DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench latency --profile dev

bench-init: build ## measure the zip size and the init time of each function
	@$(tools) lab/bench-init

bench-dataset: ## measure how fast synthetic instances are made on tmpfs by one thread, and the memory of the largest
	cargo bench --quiet --package dicomperf-agent --bench dataset --profile release

bench-renewal: ## measure how long new UIDs for 200 CT and for 100,000 small instances take, on tmpfs
	cargo bench --quiet --package dicomperf-agent --bench renewal --profile release

bench-verdict: install ## measure how often the verdict within a run is wrong: 200 comparisons alike, 200 with one 10% slower
	cargo build --release --package dicomperf-agent
	DICOMPERF_AGENT=$(CURDIR)/target/release/dicomperf-agent \
		cargo bench --quiet --package dicomperf-agent --bench verdict --profile dev
