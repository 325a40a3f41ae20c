# Debian packages: installs them as root, otherwise names them. Sourced by ./dev.

packages_of() {
  local group
  for group; do awk -v group="$group" '$1 == group {print $2}' "$root/cmake/setup/packages"; done
}

# Prints those of its arguments that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') || true
  printf '%s\n' "$@" | grep -vxF -e "$installed" || true
}

install_packages() {
  local wanted missing
  mapfile -t wanted < <(packages_of "$@")
  if ! command -v dpkg-query >/dev/null; then
    step "This is no Debian system: its packages are not checked; CMake will say what is missing"
    return
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]})) || return 0

  if ((EUID != 0)); then
    die "these Debian packages are missing: ${missing[*]}" "install them as root:" \
      "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" "then start ./dev again."
  fi
  step "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update || step "apt-get update failed; trying with the package lists that are here"
  apt-get -q install -y --no-install-recommends "${missing[@]}" ||
    die "apt could not install them (see above)." "Neuract's packages are those of Debian 12; check the network and the apt sources, then:" \
      "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
}

# gnuplot-iostream is one header, but its Debian package insists on Boost 1.74, which cannot be installed beside the 1.81 that has
# Boost.JSON. So the package is unpacked into the cache instead.
provide_gnuplot_header() {
  local kept=$cache/gnuplot-iostream
  [[ ! -e $kept/gnuplot-iostream.h && ! -e /usr/include/gnuplot-iostream.h && ! -e /usr/local/include/gnuplot-iostream.h ]] || return 0
  step "Fetching the gnuplot-iostream header"
  local scratch
  mkdir -p "$kept" || die "The header is kept in $cache, which cannot be written." "XDG_CACHE_HOME=/another/folder ./dev … keeps it elsewhere."
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  (cd "$scratch" && apt-get -q -o APT::Sandbox::User=root download libgnuplot-iostream-dev && dpkg-deb -x ./*.deb unpacked &&
    cp unpacked/usr/include/gnuplot-iostream.h "$kept/") ||
    die "Debian's package libgnuplot-iostream-dev could not be fetched (see above)." \
      "Run 'apt-get update' as root and start ./dev again, or put gnuplot-iostream.h into $kept yourself."
  rm -rf "$scratch"
}
