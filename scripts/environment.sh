# Sourced by ./run, ./test and ./bench: finds a Python, makes a virtual environment, installs pinned names into it.
# Must not know: what is run afterwards.

say() { printf '%s\n' "$*" >&2; }

stop() { say "$*"; exit 1; }

on_debian_as_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

apt_install() { # apt_install PACKAGE...: quiet, without questions
  [ -n "${VECHE_APT_UPDATED:-}" ] || { DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null; VECHE_APT_UPDATED=1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

python_is_usable() { # python_is_usable COMMAND: 3.11 or newer, and able to make virtual environments
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

pythons_found() { # every usable Python 3.11 or newer, one "VERSION COMMAND" a line, oldest first
  local candidate version
  for candidate in python3 python3.11 python3.12 python3.13 python3.14 python3.15 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python3; do
    if python_is_usable "$candidate"; then
      version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
      printf '%s %s\n' "$version" "$(command -v "$candidate")"
    fi
  done | sort -t. -k2,2n -s | awk '!seen[$1]++'
}

find_python() { # prints the command of the Python to use; mends a fresh Debian when it may
  local command
  for command in "${PYTHON:-python3}" $(pythons_found | awk '{print $2}'); do
    if python_is_usable "$command"; then command -v "$command"; return; fi
  done
  if on_debian_as_root; then
    say "No Python 3.11 or newer with the venv module here: installing Debian's python3 and python3-venv."
    apt_install python3 python3-venv || true
    if python_is_usable python3; then command -v python3; return; fi
    stop "This release's python3 is older than 3.11. Install a newer one (for example python3.12 and python3.12-venv), then start this again."
  fi
  case $(uname -s) in
    Darwin) stop "Python 3.11 or newer is missing. Install it with:  brew install python@3.13" ;;
    *) stop "Python 3.11 or newer with its venv module is missing. Install it with:  sudo apt-get install -y python3 python3-venv" ;;
  esac
}

install_pinned() { # install_pinned VENV REQUIREMENTS PYTHON: makes or refreshes VENV; does nothing when it is up to date
  local folder=$1 requirements=$2 python=$3 stamp
  stamp="$(cat "$requirements" veche/pyproject.toml campus/pyproject.toml | cksum) $PWD"
  [ -x "$folder/bin/python" ] && [ "$(cat "$folder/.installed" 2>/dev/null)" = "$stamp" ] && return
  say "Installing what is needed into $folder (the first time this takes a minute) ..."
  [ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  "$folder/bin/python" -m pip install -q --require-hashes -r "$requirements" ||
    stop "The packages of $requirements could not be installed; the lines above say why. Without a network nothing can be fetched."
  "$folder/bin/python" -m pip install -q --no-deps --no-build-isolation -e veche -e campus
  printf '%s' "$stamp" >"$folder/.installed"
}
