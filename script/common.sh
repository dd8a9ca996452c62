# Sourced by the commands beside it: one way to find the project's root, to build, and to say what is wrong.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# The comment block at the head of a command is its --help.
help_if_asked() {
	case "${1:-}" in
	-h | --help)
		sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "script/$(basename "$0")"
		exit 0
		;;
	esac
}

# setup_build FOLDER MESON_OPTION...: configures when that has not been done with these options; ninja does it again by itself when
# a meson.build has changed.
setup_build() {
	local folder=$1 again=()
	shift
	if [ -e "$folder/build.ninja" ]; then
		[ "$(cat "$folder/setup.options" 2>/dev/null)" != "$*" ] || return 0
		again=(--reconfigure)
	else
		rm -rf "$folder"
		mkdir -p "$(dirname "$folder")"
	fi
	meson setup "${again[@]}" "$folder" "$@" >"$folder.log" 2>&1 || {
		cat "$folder.log" >&2
		return 1
	}
	mv "$folder.log" "$folder/setup.log"
	printf '%s\n' "$*" >"$folder/setup.options"
}

# build FOLDER [TARGET...]: quiet when all goes well.
build() {
	local folder=$1 log
	shift
	log=$(mktemp)
	if ! ninja -C "$folder" "$@" >"$log" 2>&1; then
		grep -vE '^\[[0-9]+/[0-9]+\] (Compiling|Generating|Linking)' "$log" | head -n 200 >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

setup_release() {
	setup_build build/release --buildtype=release -Dweb=enabled
}

# release_program NAME: builds one program in release and prints its path.
release_program() {
	local path
	setup_release || return 1
	path=$(python3 script/meson-results programs build/release "$1")
	[ -n "$path" ] || die "this tree builds no program '$1'"
	build build/release "${path#build/release/}"
	printf '%s\n' "$path"
}

# build_release: every program but the unit tests, and the client library.
build_release() {
	local -a programs
	setup_release || return 1
	mapfile -t programs < <(python3 script/meson-results programs build/release)
	[ ${#programs[@]} -eq 0 ] || build build/release "${programs[@]#build/release/}" sdk/c/libhongyan.a
}
