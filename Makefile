# The two commands of the README, what CI adds to them, and campaigns of stated length.

SECONDS_EACH ?= 60
SEEDS ?= 0..1000
SEED ?= $(shell date +%Y%m%d)
CASES ?= 1000000
PACKETS ?= 1000000
CALLS ?= 100
MINUTES ?= 60
# Built as it is used; CI has the tests' build at hand: make … BUILD=debug
BUILD ?= release
PROFILE = $(if $(filter release,$(BUILD)),--release)
DATA = $(or $(OYSTER_DATA),../shared)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: demo test test-camera lint doc supply functions
.PHONY: fuzz swarm day hostile corrupt differential disturbed killed soak sanitise campaigns

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

DENY = target/tools/cargo-deny/bin/cargo-deny
supply: ## what is built in: licences, origins, duplicates (deny.toml), with CHECKS="$(CHECKS) advisories" known faults; unsafe code is in its place
	! git grep -lE 'unsafe_code|unsafe *(fn|impl|[{])' -- '*.rs' ':!codec/src/kernels'
	[ ! -e $(DENY) ] || $(DENY) --log-level warn check $(CHECKS)
CHECKS ?= licenses bans sources

# What a cluster's empty machine can run: no libraries, and small, as each task is given a copy.
functions: ## the functions of films and of JPEGs as one static executable, target/release/oyster-functions
	CARGO_PROFILE_RELEASE_STRIP=true RUSTFLAGS="-C target-feature=+crt-static" \
	  cargo build --release --quiet --package oyster-functions --target $(HOST)
	install -D target/$(HOST)/release/oyster-functions target/release/oyster-functions

# Campaigns: each for as long as is asked for, from a seed that is told. SECURITY.md has what they found.

fuzz: ## every parser with the address sanitiser, SECONDS_EACH=60 each
	SEED=$(SEED) ./fuzz $(SECONDS_EACH)

swarm: ## calls in every weather, SEEDS=0..1000 of them
	cargo run $(PROFILE) --quiet -- experiment swarm --seeds $(SEEDS) --threads 2

day: ## one call that lives through the weather of 24 hours, and its memory
	cargo run $(PROFILE) --quiet -- experiment swarm --seeds 0..1440 --one-call

hostile: ## attacks of a peer that was let in, SECONDS_EACH=60 each
	HOSTILE_SECONDS=$(SECONDS_EACH) HOSTILE_SEED=$(SEED) \
	  cargo test $(PROFILE) --quiet --package oyster-call hostile -- --nocapture --test-threads 1

corrupt: ## CASES=1000000 damaged frames into the decoder, from SEED
	cargo run $(PROFILE) --quiet --package oyster-codec --example corrupt -- $(CASES) $(SEED) $(DATA)/vp8-test-vectors/vp80-0[0-4]-*.ivf

differential: ## CASES random valid streams, decoded as libvpx does
	PROPTEST_CASES=$(CASES) cargo test $(PROFILE) --quiet --package oyster-codec --lib stress

disturbed: ## PACKETS=1000000 damaged, cut, lengthened, repeated and made up beside a call's own, from SEED
	cargo build $(PROFILE) --quiet
	PROGRAM=target/$(BUILD)/oyster call/benches/disturbed $(PACKETS) $(SEED)

killed: ## CALLS=100 of which a side is killed at any moment, from SEED
	cargo build $(PROFILE) --quiet
	PROGRAM=target/$(BUILD)/oyster call/benches/killed $(CALLS) $(SEED)

soak: ## a call of MINUTES=60 in real time
	cargo build $(PROFILE) --quiet
	PROGRAM=target/$(BUILD)/oyster call/benches/soak $(MINUTES)

# The sanitiser's switch is one of nightly's; a stable Rust has it, and is asked to let us.
sanitise: ## the kernels' tests with the address sanitiser
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/sanitised \
	  cargo test --quiet --package oyster-codec --lib --target $(HOST) kernels

campaigns: ## a short share of those that no clock judges and the tests have not, from a seed of the day
	$(MAKE) swarm SEEDS=$(SEED)..$$(($(SEED) + 40))
	$(MAKE) disturbed PACKETS=20000
	SEED=$(SEED) ./fuzz 5 codec transport signalling emulator
