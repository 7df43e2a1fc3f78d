# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for weirctl. Commands and options come from its own help, ids and names from the
# agent that it would talk to.
_weirctl_ids() {
	weirctl "$1" list --json 2>/dev/null |
		jq -r '[.[] | .id, (.object.name // empty)] | unique[]' 2>/dev/null
}

_weirctl() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' verb='' i words
	local kinds='pool monitor group lb zone record'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --control | -i | --interval | -n | --count) i=$((i + 1)) ;;
		-*) ;;
		*) if [ -z "$command" ]; then command=${COMP_WORDS[i]}; elif [ -z "$verb" ]; then verb=${COMP_WORDS[i]}; fi ;;
		esac
	done
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-f | --file | -w | --write)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	if [[ $word == -* ]]; then
		words=$(weirctl --help 2>/dev/null | grep -oE -- '--[a-z-]+' | sort -u)
	elif [ -z "$command" ]; then
		words="status drops dns handshakes trace override capture refs events apply diff token history rollback backup $kinds"
	elif [[ " $kinds " == *" $command "* ]] && [ -z "$verb" ]; then
		words='list show create edit delete'
		[[ $command == pool || $command == lb ]] && words+=' enable disable'
		[[ $command == zone ]] && words+=' dnssec roll ds-seen'
	elif [[ " $kinds " == *" $command "* && $verb != list && $verb != create ]]; then
		words=$(_weirctl_ids "$command")
	else
		case $command in
		dns) words='top explain zone' ;;
		token) words='create list revoke' ;;
		refs) words='monitor monitor_group pool load_balancer' ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _weirctl weirctl
