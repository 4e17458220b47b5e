# One command for each habit; `just` alone lists them. CONTRIBUTING.md gives the plain commands beside these.

export PATH := justfile_directory() / ".venv/bin" + ":" + env("PATH")

# Show this list
default:
    @just --list --unsorted

# Make the environment and build the extensions in place; again after every change in ext/
setup:
    python3 -m venv .venv
    .venv/bin/pip install -e '.[dev]'

# Run the tests; any of pytest's arguments go behind
test *ARGS:
    pytest {{ ARGS }}

# Check everything that needs no running
lint:
    ruff check
    ruff format --check
    mypy
    cython-lint ext/*/*.pyx ext/*/*.pxd
    clang-format --dry-run -Werror ext/*/*.[ch]
    lint-imports

# Put into order what can be put into order mechanically
format:
    ruff check --fix
    ruff format
    clang-format -i ext/*/*.[ch]

# Run one script of bench/ by its name; without a name, list them
bench NAME="" *ARGS:
    {{ if NAME == "" { "grep -l __main__ bench/*.py" } else { "python bench/" + NAME + ".py " + ARGS } }}

# Check what the documents claim: commands that exist, links that lead somewhere
docs:
    pytest tests/unit/test_docs.py

# All that CI does, in a copy of this folder
ci:
    bash .ci/run
