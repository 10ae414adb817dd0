# `make run` starts PerfWatch, `make test` runs every test. `make help` lists the rest.
.PHONY: help run build test test-faults bench bench-history bench-scale side-by-side verify-numbers two-hosts screenshots clean

help: ## This list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: build ## Build everything and start the daemon; ARGS="--interval 1s" passes flags on.
	exec target/release/perfwatch-server $(ARGS)

build: ## Build the daemon with its dashboard, and the command line.
	cargo build --release --locked -p perfwatch-server -p perfwatch-cli

test: ## Install what the tests need, then run all of them.
	scripts/test.sh

test-faults: ## Kill, cut the power, fill the disk, flip bits: what becomes of the store (root, three quarters of an hour).
	scripts/test-faults.sh

bench: ## What sampling costs, beside the bare reads of the same files.
	cargo run --release --locked -p perfwatch-benches --bin cost
	cargo bench --locked -p perfwatch-benches
	benches/side-by-side/run

bench-history: ## What history costs, beside VictoriaMetrics, Prometheus, DuckDB, JSON rows; ARGS="--quick".
	benches/history/run $(ARGS)

bench-scale: ## What PostgreSQL costs beside the plain layout, and a thousand hosts beside an engine.
	benches/scale/run $(ARGS)

side-by-side: ## What sampling costs, beside other programs; ARGS="--seconds 60 --runs 3".
	benches/side-by-side/run $(ARGS)

verify-numbers: ## PerfWatch's numbers beside mpstat, iostat, sar, vmstat, free, df and perf stat.
	cargo build --release --locked -p perfwatch-cli
	PERFWATCH=target/release/perfwatch benches/verify-numbers/run $(ARGS)

two-hosts: ## Two daemons in two networks on PostgreSQL and VictoriaMetrics, in pictures (root).
	scripts/two-hosts.sh

PICTURES = dashboard-dark-1440 dashboard-light-1440 dashboard-light-390 fleet-light-1440 \
	history-light-1440 settings-dark-1440

screenshots: build ## Take the pictures of README from a real browser.
	SCREENSHOT_FOLD=1 SCREENSHOT_DIR=$(CURDIR)/docs/screenshots SCREENSHOT_ONLY="$(PICTURES)" \
		PROFILE=release scripts/browser-test.sh

clean: ## Remove all that was built.
	cargo clean
	rm -rf perfwatch-server/dashboard/node_modules perfwatch-server/dashboard/dist
