# Each target sets up what it needs; see scripts/setup.
PYTHON := .venv/bin/python
MODEL := build/mcunet_vww1.tflite

.PHONY: demo test quick alone verify bench bench-nas lint setup setup-all clean

demo: setup ## compile MCUNet-VWW1, run it on the emulated Cortex-M7, compare with the reference
	@mkdir -p build
	@$(PYTHON) -m tvm_patch zoo write mcunet_vww1 -o $(MODEL)
	@$(PYTHON) -m tvm_patch run $(MODEL) --board qemu_m7 --as stm32f746g_disco --check

test: setup-all lint ## what CI runs
	$(PYTHON) -m benchmarks.baseline
	$(PYTHON) -m pytest -n 2 --dist loadfile -m "not verify"

quick: lint ## for contributors: lint, types, and the tests that need neither QEMU nor real networks
	TVM_PATCH_SHARED=/nonexistent $(PYTHON) -m pytest -n 2 --dist worksteal -m "not slow and not verify" \
	  --without-emulator tests/unit

alone: setup-all ## the quick tests as on a machine that has nothing but the clone; QEMU has nothing to do with that
	TVM_PATCH_SHARED=/nonexistent $(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow and not verify" --without-emulator

verify: setup-all ## the full lists, an hour or so
	$(PYTHON) -m pytest -n 2 --dist load

bench: setup ## single layers, whole networks, MCUNetV2's table and figure, fronts, beside goals and peers; pictures in build/
	@mkdir -p build
	$(PYTHON) -m benchmarks.layers
	$(PYTHON) -m benchmarks.networks --plot build/networks.png
	$(PYTHON) -m benchmarks.mcunetv2_table1
	$(PYTHON) -m benchmarks.memory_distribution --plot build/memory-distribution.png
	$(PYTHON) -m benchmarks.fronts --plot build/fronts.png
	$(PYTHON) -m benchmarks.quick_answers

bench-nas: setup-all ## searched networks beside scaled ones, trained; about eight hours, goes on where it was stopped
	$(PYTHON) -m benchmarks.nas.codesign
	$(PYTHON) -m benchmarks.nas.ablations
	$(PYTHON) -m benchmarks.nas.detection

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

setup:
	@scripts/setup

setup-all: # with TensorFlow and Ray, which searches need
	@scripts/setup all

clean:
	rm -rf build .venv
