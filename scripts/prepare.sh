# Sourced by scripts/run and scripts/test: what the machine needs, and the virtual environment .venv.
#
# Everything here can be run again at any time: what is already there is left alone. Nothing outside this folder is
# changed, except Debian packages that are missing.

say() {
  if [ -t 2 ]; then printf '\033[1m==> %s\033[0m\n' "$*" >&2; else printf '==> %s\n' "$*" >&2; fi
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Debian gives users a PATH without the folder in which `ip` lives.
PATH="$PATH:/usr/sbin:/sbin"
export PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# usable_python COMMAND: is it a Python that can carry us, with what `venv` needs? Debian packs ensurepip separately.
usable_python() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
    if usable_python "$candidate"; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# install_packages PACKAGE…: with apt, as root or through sudo; else a sentence that says what to do.
install_packages() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      fail "missing: $*; ask somebody with root to run: apt-get install $*"
    fi
  fi
  command -v apt-get >/dev/null || fail "missing: $*; this is no Debian or Ubuntu: install what these are called here, then run this again"
  say "installing the Debian packages that are missing: $*"
  "${as_root[@]}" apt-get -q update >&2 || say "apt-get update failed; trying with the package lists that are there"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 ||
    fail "apt-get could not install: $*"
}

# prepare_machine: iproute2, util-linux and a Python >= 3.11 with venv; leaves its command in $python.
prepare_machine() {
  local missing=()
  command -v ip >/dev/null && command -v bridge >/dev/null && command -v tc >/dev/null || missing+=(iproute2)
  command -v unshare >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
  command -v mount >/dev/null || missing+=(mount)
  find_python >/dev/null || missing+=(python3 python3-venv)
  [ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
  python=$(find_python) || fail "no Python >= 3.11 with venv found: $(python3 -V 2>&1 || true); set PYTHON=/path/to/python3"
}

# prepare_venv EXTRAS: .venv with this project installed for editing, and the given extras. Stamps, one per extra, remember
# what it was made from: while the Python, this folder's place and pyproject.toml stay the same, nothing is done.
prepare_venv() {
  local extras="$1" extra home wanted
  home="$PWD, $("$python" -c 'import sys; print(sys.base_prefix, sys.version)' | tr '\n' ' ')"
  wanted=$(sha256sum pyproject.toml)
  venv_is_ready "$extras" "$home" "$wanted" && return 0
  (
    flock 9 # two runs side by side would spoil each other's environment
    venv_is_ready "$extras" "$home" "$wanted" && exit 0
    say "making .venv: $("$python" -V 2>&1), holdfast[$extras]"
    if [ "$(cat .venv/.made-by 2>/dev/null)" != "$home" ]; then
      "$python" -m venv --clear .venv
      printf '%s\n' "$home" >.venv/.made-by
    fi
    .venv/bin/python -m pip install -q --editable ".[$extras]" >&2 ||
      fail "pip could not install holdfast[$extras]; its reason stands above (is a package index reachable?)"
    for extra in ${extras//,/ }; do printf '%s\n' "$wanted" >".venv/.has-$extra"; done
  ) 9>.venv.lock
}

venv_is_ready() {
  local extra
  for extra in ${1//,/ }; do [ "$(cat ".venv/.has-$extra" 2>/dev/null)" = "$3" ] || return 1; done
  [ "$(cat .venv/.made-by)" = "$2" ] && .venv/bin/python -c 'import holdfast' 2>/dev/null
}
