.PHONY: install check test docs pictures links bench experiments

install:  ## everything for development, into the active environment
	python -m pip install --quiet --upgrade pip
	python -m pip install --quiet --constraint constraints.txt --editable ".[cluster,evaluate,heif,hub,jxl,train,onnx,openvino,raw,serve,visualdl,watch]" --group dev --group docs
	python -m pip install --quiet --no-deps spandrel-extra-arches==0.2.0  # oracle of the network's tests
	python -m pip install --quiet --no-deps spandrel==0.4.2 einops==0.8.2  # loads our networks in a test; would bring torchvision
	python -m pip install --quiet --constraint constraints.txt bm3d  # a baseline in tests alone: its licence is non-commercial

check:  ## format, lint, types, layers, spelling
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	codespell src tests docs benchmarks experiments README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md

test:
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder  # slow files first, see tests/conftest.py

SITE = python -m sphinx --quiet --fail-on-warning --keep-going -c docs -d build/doctrees . build/site
docs:  ## the site, in build/site: the command line's page is generated; links inside are checked
	python docs/make_cli.py
	$(SITE)

links:  ## links to other sites, which need the network
	$(SITE)/links -b linkcheck

pictures:  ## those of the documentation
	python docs/make_pictures.py
	python docs/make_gallery.py

BENCHMARKS = restore memory runtimes formats mnn_first evaluation pairs loading training peers
bench:  ## speed and memory, with what they make themselves: hours
	set -e; for name in $(BENCHMARKS); do python benchmarks/$$name.py; done

SETS = build/sets
build/sets:
	python benchmarks/synthetic_sets.py $@

# PAIRS (real), PHOTOGRAPHS, START (weights), FFDNET (what ffdnet.py made) add what needs them
experiments: $(SETS)  ## quality: hours
	python experiments/abuse.py --pictures 10000 --weights 2000 --kills 200 --options 300 --surroundings 20
	python experiments/harm_table.py
	python experiments/drift.py
	python benchmarks/quality.py $(SETS)/* --model denoise --model denoise-tiny $(FFDNET:%=--model=%/ffdnet_25.onnx)
	python benchmarks/strength.py $(or $(PAIRS),$(SETS)/phone_medium_iso1600)
	python experiments/noise_table.py $(or $(PAIRS),$(SETS)/phone_medium_iso1600)
	python benchmarks/amplified.py $(SETS)/phone_light_iso400 $(SETS)/phone_strong_iso3200
	python benchmarks/tiling.py $(SETS)/phone_strong_iso3200/noisy/coffee.png
	python benchmarks/softness.py $(or $(PHOTOGRAPHS),$(SETS)/phone_light_iso400/clean) $(PAIRS)
	$(if $(PAIRS),python benchmarks/int8.py $(PAIRS) $(PAIRS))
	$(if $(and $(PAIRS),$(PHOTOGRAPHS),$(START)),python experiments/ablations.py build/runs $(SETS)/* \
		--weights $(START) --photographs $(PHOTOGRAPHS) --pairs $(PAIRS))
