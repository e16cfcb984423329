# Every target makes its own virtual environment first; nothing but make and Python 3.10 to 3.13 is needed.

# The first Python on the path from 3.$(1) to 3.$(2).
pythons = $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c "import sys; sys.exit(not (3, $(1)) <= sys.version_info[:2] <= (3, $(2)))" 2>/dev/null \
	&& echo $$p && break; done)
python = $(call pythons,10,$(1))
PYTHON ?= $(call python,13)
# The PyTorch that the tests of the extra "train" were run with. On Linux this is a CUDA build of some
# 6 GB; TORCH="torch --index-url https://download.pytorch.org/whl/cpu" takes the CPU build.
TORCH ?= torch==2.13.0
BIN := .venv/bin

# What the networks of the family "digits" were made with; it needs NumPy 2.
ZOO_TOOLS := torch==2.13.0 litert-torch==0.10.0 ai-edge-quantizer==0.10.0 scikit-learn==1.9.1 pillow==13.0.0
ZOO := envs/inference/zoo

.PHONY: benchmark docs fuzz kills test test-slow test-tflite-runtime test-train test-ray test-kernel
.PHONY: test-kernel-arm lint smoke
.PHONY: pretrained publish publish-learning publish-live zoo zoo-family clean

benchmark: .venv/installed
	$(BIN)/tvfs-gym benchmark

test: .venv/installed-test
	$(BIN)/pytest -n auto --dist worksteal -m "not train and not slow and not kernel and not types and not ray"

test-slow: .venv/installed-test
	$(BIN)/pytest -m "slow and not kernel"

# Every reader over mutated files: COUNT of each, SEED for others.
COUNT ?= 1000
SEED ?= 0
fuzz: .venv/installed-test
	$(BIN)/python -m tests.fuzz $(COUNT) --seed $(SEED)

# Every long command killed at random moments, COUNT times in all.
kills: .venv/installed-test
	$(BIN)/python -m tests.kills $(COUNT) --seed $(SEED)

# Inference under NumPy 1 and the older runtime, which is the only one on 32-bit ARM.
test-tflite-runtime: .venv/tflite-runtime/installed
	TVFS_GYM_RUNTIME=tflite-runtime .venv/tflite-runtime/bin/pytest -n auto --dist worksteal \
		tests/envs/inference tests/experiments/adaptta tests/experiments/models tests/test_bits.py

test-train: .venv/installed-train
	$(BIN)/pytest -n auto --dist worksteal -m train

# Trials on a Ray instance of this machine.
test-ray: .venv/installed-test
	$(BIN)/pip install --quiet --editable ".[distributed]"
	$(BIN)/pytest -m ray

# The driver against stock Linux kernels under QEMU: downloads and unpacks under .cache/kernels.
test-kernel: .venv/installed-test
	$(BIN)/python -m tests.kernel.prepare x86
	$(BIN)/pytest -m "kernel and not slow" -k x86

test-kernel-arm: .venv/installed-test
	$(BIN)/python -m tests.kernel.prepare arm
	$(BIN)/pytest -m kernel -k arm

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_types.py

# The site of the documentation, under site/; its tools want Python 3.11 or newer.
docs: .venv/docs/installed
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build

# The wheel alone, in an environment of its own, away from the checkout.
smoke: .venv/installed-dev
	rm -rf build dist .venv/wheel
	$(BIN)/python -m build --wheel
	$(PYTHON) -m venv .venv/wheel
	.venv/wheel/bin/pip install --quiet dist/*.whl
	cd / && "$(CURDIR)/.venv/wheel/bin/python" -I "$(CURDIR)/tests/smoke_wheel.py"
	cd / && "$(CURDIR)/.venv/wheel/bin/tvfs-gym" --help >/dev/null

# Every number in README.md and docs/ is written here.
publish: .venv/installed-test
	for name in tvfs performance; do \
		$(BIN)/tvfs-gym dev film --controller $$name --ambient-c 40 --latency-ms 60 \
			--output docs/figures/film_$$name.gif || exit; \
	done
	rm -rf results/publish
	$(BIN)/tvfs-gym benchmark --suite v2 --output results/publish/v2
	$(BIN)/tvfs-gym dev publish benchmark results/publish/v2 >/dev/null
	$(BIN)/tvfs-gym benchmark --suite sensitivity --seeds 3 --output results/publish/sensitivity
	$(BIN)/tvfs-gym dev publish sensitivity results/publish/v2 results/publish/sensitivity
	$(BIN)/tvfs-gym benchmark --output results/publish/main
	$(BIN)/tvfs-gym dev publish benchmark results/publish/main >/dev/null
	$(BIN)/tvfs-gym benchmark --suite published --output results/publish/published
	$(BIN)/tvfs-gym dev publish benchmark results/publish/published >/dev/null
	$(BIN)/tvfs-gym dev publish adaptta recorded
	$(BIN)/tvfs-gym dev perf envs --output docs/performance.md
	$(BIN)/tvfs-gym dev publish claims
	$(BIN)/tvfs-gym dev publish digits
	$(BIN)/tvfs-gym dev publish baselines

# The policies that ship with the package, trained anew: the published methods with their own rewards,
# and, as NAME_accuracy, with on-time accuracy for it; and PPO.
LEARNERS = $(shell $(BIN)/python -c "from tvfs_gym.agents.training import LEARNERS; print(*LEARNERS)")
PRETRAINED := agents/pretrained
BOARDS = odroid_xu4 odroid_c2 raspberry_pi_3b raspberry_pi_4b
TRAIN = $(BIN)/tvfs-gym train --conditions --output results/pretrained
pretrained: .venv/installed-train
	rm -rf results/pretrained
	$(TRAIN)/ppo --algo ppo
	for name in $(LEARNERS); do \
		$(TRAIN)/$$name --algo $$name && \
		$(TRAIN)/$${name}_accuracy --algo $$name --reward on_time_accuracy || exit; \
	done
	$(TRAIN)/pretrained --algo dagger --board drawn
	for board in $(BOARDS); do \
		$(TRAIN)/student/$$board --algo dagger --board $$board || exit; \
	done
	cd results/pretrained && for card in */policy.json */*/policy.json; do \
		folder=$(CURDIR)/$(PRETRAINED)/$${card%/policy.json} && mkdir -p $$folder && \
		cp $$card $${card%.json}.npz $$folder && $(CURDIR)/$(BIN)/tvfs-gym policy check $$folder || exit; \
	done

# What docs/learning.md and docs/shield.md say: trainings of every kind, judged on suites v2 and
# unforeseen. Some three hours of two cores; what is there already is not done again.
RUNS := results/learning
TRAININGS = $(foreach seed,0 1 2 3 4 5 6 7 8 9,$(foreach board,$(BOARDS) drawn,trainings/$(board)_$(seed)))
COURSES = ppo ppo_lstm ppo_mask a2c dqn sac td3
publish-learning: .venv/installed-train
	mkdir -p $(RUNS)
	cd $(RUNS) && for one in $(TRAININGS); do \
		name=$${one#trainings/} && $(CURDIR)/$(BIN)/tvfs-gym train --algo dagger --conditions \
			--board $${name%_*} --seed $${name##*_} --output $$one || exit; \
	done
	cd $(RUNS) && for seed in 0 1 2; do for name in $(COURSES); do \
		train="$(CURDIR)/$(BIN)/tvfs-gym train --algo $$name --conditions --steps 200000 --seed $$seed" && \
		$$train --output courses/$${name}_$$seed && \
		$$train --output courses/$${name}_plain_$$seed -params env_wrapper:None || exit; \
	done; done
	cd $(RUNS) && $(CURDIR)/$(BIN)/tvfs-gym dev judge $(TRAININGS) --output judged
	cd $(RUNS) && $(CURDIR)/$(BIN)/tvfs-gym dev judge $(TRAININGS) --suite unforeseen --output unforeseen
	cd $(RUNS) && $(CURDIR)/$(BIN)/tvfs-gym dev publish learning judged unforeseen \
		$(foreach seed,0 1 2 3 4 5 6 7 8 9,--curve trainings/odroid_xu4_$(seed)) \
		$$(printf -- '--curve %s ' courses/*) --checkout $(CURDIR)
	$(BIN)/tvfs-gym dev shield --output $(RUNS)/shield
	$(BIN)/tvfs-gym dev publish shield $(RUNS)/shield

# The embedded networks and their pictures, made anew.
zoo: .venv/installed-test
	$(PYTHON) -m venv .venv/zoo
	.venv/zoo/bin/pip install --quiet $(ZOO_TOOLS)
	.venv/zoo/bin/python experiments/digits/train.py $(ZOO)/digits
	$(MAKE) zoo-family

# Their family: timed and recorded on this machine.
zoo-family: .venv/installed-test
	rm -f $(ZOO)/digits.toml $(ZOO)/digits.npz
	$(BIN)/tvfs-gym models add $(filter-out %_unmirrored.tflite,$(wildcard $(ZOO)/digits/*.tflite)) \
		--variant $(ZOO)/digits/digits_0.5_48_unmirrored.tflite --labels $(ZOO)/digits/labels.txt \
		--images $(ZOO)/digits/pictures.zip --output $(ZOO)/digits.toml \
		--description "twelve small networks of our own for handwritten digits, with 500 test pictures"

# What needs the networks' files and labelled images: MODELS=DIR IMAGES=DIR.
LIVE = $(BIN)/tvfs-gym adaptta live --models $(MODELS) --images $(IMAGES) \
	--topology mobilenet_v1_1.0_224 --topology mobilenet_v2_1.0_224 \
	--topology efficientnet_lite0 --topology efficientnet_lite1
publish-live: .venv/installed-test
	$(LIVE) --output results/publish-live/bilinear
	$(LIVE) --output results/publish-live/bicubic --resizer bicubic
	$(LIVE) --output results/publish-live/crop70 --crop-fraction 0.7
	$(BIN)/tvfs-gym dev publish adaptta live results/publish-live/bilinear
	$(BIN)/tvfs-gym dev publish adaptta readings results/publish-live/bilinear \
		results/publish-live/bicubic results/publish-live/crop70
	$(BIN)/tvfs-gym dev perf inference --models $(MODELS) --images $(IMAGES) \
		--output docs/performance_inference.md

clean:
	rm -rf .venv build dist site

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "tvfs-gym needs Python 3.10 to 3.13; none was found." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@

.venv/installed-train: .venv/installed-test
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable ".[train]"
	touch $@

.venv/docs/installed: pyproject.toml
	@test -n "$(call pythons,11,13)" || { echo "make docs needs Python 3.11 to 3.13." >&2; exit 1; }
	$(call pythons,11,13) -m venv .venv/docs
	.venv/docs/bin/pip install --quiet --editable ".[docs]"
	touch $@

.venv/tflite-runtime/installed: .venv/bin/python pyproject.toml
	@test -n "$(call python,11)" || { echo "tflite-runtime needs Python 3.10 or 3.11." >&2; exit 1; }
	$(call python,11) -m venv .venv/tflite-runtime
	.venv/tflite-runtime/bin/pip install --quiet --editable ".[test,tflite-runtime]"
	touch $@
