# Sourced by scripts/demo and scripts/test: all set-up, inside the checkout (.venv, node_modules, .roomidity) and nowhere else.
# A step that was done is not done again until what it is made from changes. All it says goes to standard error.

ROOT="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"

# A machine may forbid bytecode; but the many processes that are started from here would each compile what they import anew (a
# command then takes 5 s, not 1.5 s). It stays in the checkout, whichever Python's modules it is of.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="${PYTHONPYCACHEPREFIX:-$ROOT/.roomidity/bytecode}"

say() { printf '%s\n' "$*" >&2; }
give_up() { say "$(basename -- "$0"): $*"; exit 1; }

# A digest of files and words.
digest_of() { { printf '%s\0' "$@"; cat -- "$@" 2>/dev/null || true; } | cksum; }

# is_done STAMP DIGEST: whether the step that left STAMP was done with what DIGEST stands for.
is_done() { [ -f "$1" ] && [ "$(<"$1")" = "$2" ]; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON="$candidate"
            return
        fi
    done
    give_up "found no Python 3.11 or newer. On Debian: apt-get install python3 python3-venv; elsewhere set PYTHON to one"
}

make_venv() {
    local made_for="$VENV/.checkout" # programs in it name their interpreter by its whole path: a moved one is of no use
    if "$VENV/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        { [ ! -f "$made_for" ] || is_done "$made_for" "$ROOT"; }; then
        return
    fi
    find_python
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        give_up "$PYTHON cannot make virtual environments. On Debian: apt-get install python3-venv"
    "$PYTHON" -m venv --clear "$VENV" >&2 || give_up "could not make the virtual environment $VENV"
    printf '%s' "$ROOT" >"$made_for"
}

# pip ARGUMENT...: without a cache outside the checkout, unless the person has chosen one.
pip() {
    [ -n "${PIP_CACHE_DIR:-}" ] || export PIP_NO_CACHE_DIR=1
    # Bytecode is made at the first import, of what is imported: half of the time that an installation takes.
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$VENV/bin/python" -m pip "$@" --quiet --no-compile --no-deps >&2
}

set_up_python() {
    local pins="$ROOT/scripts/requirements-dev.txt" stamp="$VENV/.pins" digest
    digest="$(digest_of "$pins" "$ROOT")"
    if ! is_done "$stamp" "$digest"; then
        say "Installing Python packages into .venv ..."
        make_venv
        pip install --require-hashes -r "$pins" || give_up "could not install scripts/requirements-dev.txt; pip says why above"
        printf '%s' "$digest" >"$stamp"
    fi
    # The package itself, again after each commit, for its version comes from git.
    stamp="$VENV/.package"
    digest="$(digest_of "$pins" "$ROOT/pyproject.toml" "$(git -C "$ROOT" rev-parse HEAD 2>/dev/null)")"
    if ! is_done "$stamp" "$digest"; then
        pip install --no-build-isolation -e "$ROOT" || give_up "could not install the package itself; pip says why above"
        printf '%s' "$digest" >"$stamp"
    fi
}

# Why Node's part cannot be set up; nothing if it can.
node_missing() {
    local wanted="Node.js 20.19, 22.13 or 24 and newer, with npm"
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        printf '%s' "$wanted, is not installed"
    elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number);
            process.exit(a >= 24 || (a === 22 && b >= 13) || (a === 20 && b >= 19) ? 0 : 1)'; then
        printf '%s' "found Node.js $(node --version); expected $wanted"
    fi
}

set_up_node() {
    local stamp="$ROOT/node_modules/.lock-installed" digest cache="$ROOT/.roomidity/npm"
    digest="$(digest_of "$ROOT/package.json" "$ROOT/package-lock.json")"
    is_done "$stamp" "$digest" && return
    say "Installing the Serverless CLI into node_modules ..."
    (cd -- "$ROOT" && npm_config_cache="${npm_config_cache:-$cache}" npm ci --no-audit --no-fund --loglevel=error) >&2 || return
    rm -rf -- "$cache"
    printf '%s' "$digest" >"$stamp"
}

# set_up: Python's packages and Node's side by side. SET_UP_NODE_FAILED is why there is no Node, where that is so.
set_up() {
    local node_job=''
    exec 9<"$ROOT/scripts/lib.sh" # one set-up of a checkout at a time
    if command -v flock >/dev/null; then flock 9; fi
    SET_UP_NODE_FAILED=''
    if ! is_done "$ROOT/node_modules/.lock-installed" "$(digest_of "$ROOT/package.json" "$ROOT/package-lock.json")"; then
        SET_UP_NODE_FAILED="$(node_missing)"
        if [ -z "$SET_UP_NODE_FAILED" ]; then
            set_up_node &
            node_job=$!
        fi
    fi
    set_up_python
    if [ -n "$node_job" ] && ! wait "$node_job"; then
        SET_UP_NODE_FAILED='npm ci failed; it says why above'
    fi
    exec 9<&-
}

# one_thread: what a program measures of itself is one processor's work; NumPy and Polars heed this only before they are loaded.
one_thread() {
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 POLARS_MAX_THREADS=1
}

# run_tool MODULE ARGUMENT...: a module of scripts/tools/, by the environment that is active, else by the checkout's. It and the
# package are this checkout's, wherever one stands.
run_tool() {
    local python="${VIRTUAL_ENV:-$VENV}/bin/python" module="$1"
    shift
    [ -x "$python" ] || give_up "found no environment in $VENV; scripts/demo and scripts/test make it"
    PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -P -m "scripts.tools.$module" "$@"
}
