# The two commands of the README, what CI adds to them, and campaigns of stated length.

SECONDS_EACH ?= 60
SEEDS ?= 0..1000

.PHONY: demo test test-camera lint doc functions fuzz swarm

demo: ## two peers call each other over an emulated LTE link, in a window or in this terminal
	./setup
	cargo run --release --quiet -- demo

test: ## every test, against the reference programs where they take part
	./setup test
	cargo test --workspace --quiet

test-camera: ## the camera on a real device, in a virtual machine; skipped where there is none
	call/tests/guest/run

lint: ## how CI looks at the code
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## the documentation, warnings refused
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

# What a cluster's empty machine can run: no libraries, and small, as each task is given a copy.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
functions: ## the functions of films as one static executable, target/release/oyster-functions
	CARGO_PROFILE_RELEASE_STRIP=true RUSTFLAGS="-C target-feature=+crt-static" \
	  cargo build --release --quiet --package oyster-functions --target $(HOST)
	install -D target/$(HOST)/release/oyster-functions target/release/oyster-functions

fuzz: ## every parser with the address sanitiser, SECONDS_EACH=60 each; takes a nightly Rust and cargo-fuzz
	./fuzz $(SECONDS_EACH)

swarm: ## calls in every weather, SEEDS=0..1000 of them
	cargo run --release --quiet -- experiment swarm --seeds $(SEEDS) --threads 2
