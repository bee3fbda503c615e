#!/bin/sh
# Starts Alertmanager as it is called: start.sh alertmanager --config.file=FILE --storage.path=DIRECTORY …
#
# Its secrets are files. Alertmanager itself looks for them when the first page is to be sent, which is too late: here a
# missing one stops the start, with its name. And where a webhook's address is to come from a file, which Alertmanager
# takes from 0.26 on, the address is put into a copy of the configuration beside the data; so after a change of that
# file, start again instead of reloading. Paths in the configuration must be absolute.
set -eu

configuration='' storage=''
for argument; do
  case $argument in
    --config.file=*) configuration=${argument#*=} ;;
    --storage.path=*) storage=${argument#*=} ;;
  esac
done
if [ -z "$configuration" ] || [ -z "$storage" ]; then
  echo 'start.sh: expected a program, --config.file=FILE and --storage.path=DIRECTORY' >&2
  exit 2
fi

secrets() {
  sed -n -e 's/^[- ]*[a-z_]*_file: *//p' -e 's|^[- ]*url: *http://read-from-file\.invalid/|/|p' "$configuration" |
    tr -d "\"'" | sort -u
}
missing=0
for file in $(secrets); do
  if [ ! -s "$file" ] || [ ! -r "$file" ]; then
    echo "start.sh: the secret $file is missing, empty or not readable; $configuration names it" >&2
    missing=1
  fi
done
[ "$missing" = 0 ] || exit 1

mkdir -p "$storage"
copy=$storage/alertmanager.yml
umask 077
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    *'url: http://read-from-file.invalid/'*)
      printf '%s%s\n' "${line%%http:*}" "$(head -n 1 "${line#*.invalid}")"
      ;;
    *) printf '%s\n' "$line" ;;
  esac
done <"$configuration" >"$copy"

program=$1
shift
for argument; do
  shift
  case $argument in
    --config.file=*) set -- "$@" "--config.file=$copy" ;;
    *) set -- "$@" "$argument" ;;
  esac
done

# Up to 0.25, where nothing answers, Alertmanager writes the address of a webhook into its log, and that of the dead man's
# switch is a secret. The log goes by a pipe, so that no command line has the address, and Alertmanager stays the process
# that is told to stop.
hide_addresses() {
  trap '' HUP INT TERM
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *'Post \"'*'\"'*)
        after=${line#*Post \\\"}
        printf '%s(hidden)\\"%s\n' "${line%%"$after"}" "${after#*\\\"}"
        ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}
log=$storage/log.pipe
rm -f "$log"
mkfifo -m 600 "$log"
hide_addresses <"$log" >&2 &
exec "$program" "$@" 2>"$log"
