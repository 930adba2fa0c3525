# The Debian packages Parley needs, and how to install what is missing. To be sourced by bash:
#
#   . scripts/packages.sh
#   parley_packages build run             prints the packages of these sections, one a line
#   parley_missing build run              prints those that are not installed (asks dpkg only: fast)
#   parley_install [--yes] build run      installs those; says which, and asks before using root
#
# Sections: build (compile), run (what parleyd loads at run time), test, bench.

parley_build_packages=(
  g++ meson ninja-build pkg-config
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev
  libsoup-3.0-dev libjson-glib-dev libjwt-dev libssl-dev libsqlite3-dev
  prometheus-cpp-dev libfmt-dev libexpected-dev
)
# plugins-ugly has x264enc, libav AAC; tools are for operators who try a pipeline by hand.
# gstreamer1.0-nice: webrtcbin refuses to start without it, whichever ICE agent it is given.
parley_run_packages=(
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice
  gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-tools
  glib-networking
)
parley_test_packages=(
  check librapidcheck-dev libsrtp2-dev nlohmann-json3-dev
  clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev llvm-16
  chromium firefox-esr nftables iproute2 sqlite3 curl openssl
  python3-jsonschema python3-websocket
  ffmpeg nginx libnginx-mod-rtmp srt-tools libgstrtspserver-1.0-dev
)
parley_bench_packages=(janus nlohmann-json3-dev libsrtp2-dev)

parley_packages() {
  local section
  for section in "$@"; do
    case $section in
      build) printf '%s\n' "${parley_build_packages[@]}" ;;
      run) printf '%s\n' "${parley_run_packages[@]}" ;;
      test)
        printf '%s\n' "${parley_test_packages[@]}"
        # Node from elsewhere is as good as Debian's, and its npm conflicts with Debian's package.
        command -v node >/dev/null || echo nodejs
        command -v npm >/dev/null || echo npm
        ;;
      bench) printf '%s\n' "${parley_bench_packages[@]}" ;;
      *)
        echo "packages.sh: no section '$section'; there are build, run, test and bench" >&2
        return 2
        ;;
    esac
  done | sort -u
}

parley_missing() {
  local wanted
  wanted=$(parley_packages "$@") || return
  # shellcheck disable=SC2086 # one word a package
  comm -23 <(echo "$wanted") <(
    dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
      sed -n 's/^installed //p' | sort -u
  )
}

parley_install() {
  local yes=no missing as_root=() answer
  if [ "${1:-}" = --yes ]; then
    yes=yes
    shift
  fi
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system. Please install what these packages stand for yourself:" >&2
    parley_packages "$@" | sed 's/^/  /' >&2
    return 0
  fi
  missing=$(parley_missing "$@") || return
  [ -n "$missing" ] || return 0

  echo "Missing packages:" >&2
  echo "$missing" | sed 's/^/  /' >&2
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Neither root nor sudo. As root, run:" >&2
      echo "  apt-get install --no-install-recommends" $missing >&2
      return 1
    fi
    as_root=(sudo)
    if [ $yes = no ]; then
      if [ ! -t 0 ]; then
        echo "Not installing without being asked to: run again with --yes." >&2
        return 1
      fi
      read -r -p "Install them now with sudo apt-get? [Y/n] " answer
      case $answer in
        '' | [yY]*) ;;
        *) return 1 ;;
      esac
    fi
  fi
  # Lists that were fetched long ago name versions the mirror no longer has.
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $missing >&2 && return 0
  "${as_root[@]}" apt-get update -q >&2 || return
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $missing >&2
}
