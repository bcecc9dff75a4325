.PHONY: install check test docs bench

install:  ## everything for development, into the active environment
	python -m pip install --quiet --upgrade pip
	python -m pip install --quiet --constraint constraints.txt --editable ".[evaluate,train,onnx,openvino,raw,visualdl]" --group dev
	python -m pip install --quiet --no-deps spandrel-extra-arches==0.2.0  # oracle of the network's tests
	python -m pip install --quiet --constraint constraints.txt bm3d  # a baseline in tests alone: its licence is non-commercial

check:  ## format, lint, types, layers, spelling
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	codespell src tests docs benchmarks experiments README.md CHANGELOG.md CONTRIBUTING.md

test:
	python -m pytest --numprocesses 2 --dist loadfile

docs:  ## what is generated: the command line's page, the pictures
	python docs/make_cli.py
	python docs/make_pictures.py
	python docs/make_gallery.py

bench:
	python benchmarks/restore.py
	python benchmarks/memory.py
