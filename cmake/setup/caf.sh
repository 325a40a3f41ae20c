# CAF: Debian 12 has 0.17.6, whose API is gone upstream, so 0.18.7 is built once and kept. Sourced by ./dev.

caf_version=0.18.7
caf_tarball=actor-framework_$caf_version.orig.tar.gz
caf_sha256=d5c3abe8fd67a729aab1baeece10367637d903ba335f4c79378bcadfbcd34552
caf_upstream=https://github.com/actor-framework/actor-framework/archive/refs/tags/$caf_version.tar.gz

# provide_caf ""|-tsan: an installed CAF that is new enough, else the kept build, else a new build.
provide_caf() {
  local variant=$1
  local kept=$cache/caf-$caf_version$variant
  [[ ! -e $kept/lib/cmake/CAF/CAFConfig.cmake ]] || return 0
  # No package of a distribution is instrumented for ThreadSanitizer.
  if [[ -z $variant ]] && installed_caf_is_usable; then return 0; fi

  mkdir -p "$cache" || die "CAF is kept in $cache, which cannot be written." "XDG_CACHE_HOME=/another/folder ./dev … keeps it elsewhere."
  # Two set-ups at the same time must not build into the same place; the second one finds the work done.
  exec {lock}>"$cache/lock"
  flock "$lock"
  if [[ ! -e $kept/lib/cmake/CAF/CAFConfig.cmake ]]; then
    fetch_caf
    build_caf "$variant" "$kept"
  fi
  exec {lock}>&-
}

installed_caf_is_usable() {
  local file version
  for file in ${CAF_ROOT:+"$CAF_ROOT"/lib*/cmake/CAF/CAFConfigVersion.cmake} {/usr/local,/usr}/lib{,64,/*}/cmake/CAF/CAFConfigVersion.cmake; do
    [[ -e $file ]] || continue
    version=$(sed -n 's/^ *set(PACKAGE_VERSION "\([0-9.]*\)").*/\1/p' "$file")
    if [[ $(printf '%s\n' "$caf_version" "$version" | sort -V | head -n 1) == "$caf_version" ]] &&
      grep -q CAF::openssl "$(dirname "$file")"/CAFTargets.cmake; then
      return 0
    fi
  done
  return 1
}

has_right_checksum() { echo "$caf_sha256  $1" | sha256sum --check --status 2>/dev/null; }

# Leaves the checked source in the cache, from where later builds (another variant, another day) take it.
fetch_caf() {
  local tarball=$cache/$caf_tarball
  if has_right_checksum "$tarball"; then return 0; fi
  local scratch
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  step "Fetching the source of CAF $caf_version from Debian's suite experimental"
  if ! (fetch_caf_from_debian "$scratch") >"$scratch/log" 2>&1 || ! has_right_checksum "$scratch/$caf_tarball"; then
    tail -n 3 "$scratch/log" >&2
    step "That did not work; fetching the upstream release instead"
    curl --fail --location --silent --show-error --output "$scratch/$caf_tarball" "$caf_upstream" ||
      die "The source of CAF $caf_version could not be fetched." "Check the network and start ./dev again, or put $caf_tarball into $cache yourself."
    has_right_checksum "$scratch/$caf_tarball" ||
      die "The source of CAF that arrived has the wrong SHA-256 and was not used." "expected $caf_sha256"
  fi
  mv "$scratch/$caf_tarball" "$tarball"
  rm -rf "$scratch"
}

# Asks apt for a suite that the system does not list: from the mirror that it uses, with the keyring that it trusts, in private
# directories, so that the system's own configuration stays as it is. Works without root.
fetch_caf_from_debian() {
  local private=$1/apt
  mkdir -p "$private/parts" "$private/lists/partial" "$private/cache/archives/partial"
  apt-get indextargets --format '$(LABEL)|$(REPO_URI)|$(SIGNED_BY)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" {
      print "Types: deb-src\nURIs: " $2 "\nSuites: experimental\nComponents: main"
      if ($3 ~ /^\//) print "Signed-By: " $3
      exit }' >"$private/parts/one.sources"
  [[ -s $private/parts/one.sources ]] || {
    echo "apt knows no Debian mirror here"
    return 1
  }
  # The checksum above says what is right, so an index of yesterday is as good as one of today.
  local options=(-q -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$private/parts"
    -o Dir::State::Lists="$private/lists" -o Dir::Cache="$private/cache")
  cd "$1"
  apt-get "${options[@]}" update && apt-get "${options[@]}" source --download-only --tar-only "actor-framework=$caf_version-1~exp1"
}

build_caf() {
  local variant=$1 prefix=$2 scratch=$cache/build-caf$1
  step "Building CAF $caf_version$variant, once; takes 2-5 minutes on two cores; kept in $prefix"
  rm -rf "$scratch" "$prefix.partial"
  mkdir -p "$scratch/source"
  tar -xzf "$cache/$caf_tarball" -C "$scratch/source" --strip-components 1
  local options=(-G Ninja -S "$scratch/source" -B "$scratch/build" --log-level=WARNING
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=20 -DCMAKE_CXX_FLAGS=-w -DBUILD_SHARED_LIBS=OFF
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_PREFIX="$prefix.partial" -DCMAKE_INSTALL_LIBDIR=lib
    # Below WARNING, network problems stay invisible.
    -DCAF_LOG_LEVEL=WARNING
    -DCAF_ENABLE_IO_MODULE=ON -DCAF_ENABLE_OPENSSL_MODULE=ON
    -DCAF_ENABLE_TESTING=OFF -DCAF_ENABLE_EXAMPLES=OFF -DCAF_ENABLE_TOOLS=OFF)
  [[ $variant != -tsan ]] || options+=(-DCAF_SANITIZERS=thread)
  if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  {
    run_logged "$scratch/configure.log" cmake "${options[@]}" &&
      run_logged "$scratch/build.log" nice ninja -C "$scratch/build" -j "$(jobs_at_a_time)" install
  } || die "CAF could not be built; the whole output is in $scratch." "'rm -rf $scratch' and ./dev setup try again; NEURACT_JOBS=1 needs less memory."
  mv "$prefix.partial" "$prefix"
  rm -rf "$scratch"
}
