# Shared by the scripts beside it (POSIX sh, sourced): where things are kept, and what a machine must have.
#
# POAMD_CACHE        what outlives the checkout: Python environments          default ~/.cache/poamd
# POAMD_TARGET_DIR   the one build folder of demo and tests                   default ~/.cache/poamd/target

cache=${POAMD_CACHE:-$HOME/.cache/poamd}
export CARGO_TARGET_DIR="${POAMD_TARGET_DIR:-$HOME/.cache/poamd/target}"

# say WORDS…: what happens now.
say() {
    printf '\n== %s\n' "$*" >&2
}

# die WORDS…: what is wrong and what to do about it.
die() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# install PACKAGE…: Debian packages, with the rights this takes.
install_packages() {
    [ $# -gt 0 ] || return 0
    have apt-get || die "missing on this machine: $* (Debian's names). Install them and start again."
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif have sudo; then
        as_root=sudo
    else
        die "missing on this machine: $*. As root: apt-get install $*"
    fi
    say "installing $*"
    # Package lists may be missing or too old; the first try tells, and spares the download where they are not.
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2; then
        $as_root apt-get update >&2
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 \
            || die "apt-get could not install: $* (its message is above)"
    fi
}

# Whether a C program can be linked against libpq.
links_libpq() {
    have cc || return 1
    probe=$(mktemp)
    echo 'int main(void){return 0;}' | cc -x c - -lpq -o "$probe" 2>/dev/null
    linked=$?
    rm -f "$probe"
    return "$linked"
}

# The missing ones of what every build needs, as Debian packages.
missing_for_build() {
    have cc || echo build-essential
    links_libpq || echo libpq-dev
}

# What every build needs is there afterwards.
need_build_tools() {
    # shellcheck disable=SC2046 # package names have no spaces
    install_packages $(missing_for_build)
    have cargo || die "no cargo. Install Rust by https://rustup.rs; rust-toolchain.toml names the version."
}

# python_env NAME REQUIREMENTS: the Python environment $cache/NAME with exactly those packages; made once, and again
# when the file changes.
python_env() {
    env_dir=$cache/$1 env_needs=$2
    if [ -x "$env_dir/bin/python" ] && cmp -s "$env_needs" "$env_dir/installed.txt"; then
        return 0
    fi
    mkdir -p "$cache"
    python3 -m venv "$env_dir" \
        || die "no Python environment at $env_dir; install Python 3 with venv (Debian: apt-get install python3-venv)"
    "$env_dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$env_needs" \
        || die "pip could not install $env_needs (its message is above)"
    cp "$env_needs" "$env_dir/installed.txt"
}
